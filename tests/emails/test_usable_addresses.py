"""Which addresses a text holds: what people and scrapers put around them is taken off."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def usable(owner):
    return lambda text: owner.execute("select usable_emails(%s)", [text]).fetchone()[0]


@pytest.mark.parametrize(
    ("text", "emails"),
    [
        ("info@shop.fi", ["info@shop.fi"]),
        ("  Info@Shop.FI\n", ["Info@Shop.FI"]),
        ("mailto:Info@ClosedCafe.example?subject=Hi", ["Info@ClosedCafe.example"]),
        ("MAILTO:a@x.fi?cc=b@x.fi&bcc=c@x.fi", ["a@x.fi", "b@x.fi", "c@x.fi"]),
        ("mailto:info%40shop.fi", ["info@shop.fi"]),
        ("%20info@shop.fi", ["info@shop.fi"]),
        ("mailto:a%40x.fi%2C%20b%40x.fi", ["a@x.fi", "b@x.fi"]),
        ("in\u200bfo@sh\ufeffop.fi\u200d", ["info@shop.fi"]),
        ("\u00a0info@shop.fi\u202f", ["info@shop.fi"]),
        ("info@shop.fi.", ["info@shop.fi"]),
        ("<info@shop.fi>", ["info@shop.fi"]),
        ('"Info" <info@shop.fi>,', ["info@shop.fi"]),
        ("(info@shop.fi);", ["info@shop.fi"]),
        ("'info@shop.fi'", ["info@shop.fi"]),
        ("Email:info@shop.fi!", ["info@shop.fi"]),
        ("a@x.fi, b@x.fi", ["a@x.fi", "b@x.fi"]),
        ("a@x.fi;b@x.fi|c@x.fi/d@x.fi e@x.fi", [f"{c}@x.fi" for c in "abcde"]),
        ("a@x.fi A@X.FI a@x.fi", ["a@x.fi"]),
        ("b@x.fi a@x.fi", ["b@x.fi", "a@x.fi"]),
        ("info&#64;shop.fi", ["info@shop.fi"]),
        ("&lt;info@shop.fi&gt;", ["info@shop.fi"]),
        ("u003einfo@shop.fi", ["info@shop.fi"]),
        ("o'brien@pub.ie", ["o'brien@pub.ie"]),
        ("q&a@shop.fi", ["q&a@shop.fi"]),
        ("first.last+tag@sub-1.shop.co.uk", ["first.last+tag@sub-1.shop.co.uk"]),
        ("jörg@müller.de", ["jörg@müller.de"]),
        ("info@xn--mller-kva.de", ["info@xn--mller-kva.de"]),
        ("100% info@shop.fi", ["info@shop.fi"]),
        ("a%b@shop.fi", ["a%b@shop.fi"]),
        ("info@example.com", ["info@example.com"]),
        ("domain@shop.fi", ["domain@shop.fi"]),
        ("sentry@shop.fi", ["sentry@shop.fi"]),
    ],
)
def test_what_stands_around_an_address_is_taken_off(usable, text, emails) -> None:
    assert usable(text) == emails


@pytest.mark.parametrize(
    "text",
    [
        None, "", "   ", "info", "@", "@shop.fi", "info@", "info@shop", "info@@shop.fi", "a@b@c.fi",
        "info @ shop.fi", "info@.fi", "info@shop..fi", "info@shop.1", "react@18.2.0",
        "logo@2x.png", "front@2x.png", "hero@3x.WEBP", "a@b.jpeg", "icons@1.5x.svg", "x@y.min.js",
        "605a7baede844d278b89dc95ae0a9123@sentry-next.wixpress.com",
        "abc@sentry.wixpress.com", "key@o37417.ingest.sentry.io", "key@sentry.io",
        "0123456789abcdef0123456789abcdef@errors.shop.fi",
        "user@domain.com", "your@email.com", "youremail@gmail.com", "name@example.com",
        "your-email@example.org", "john.doe@example.com", "info@yourdomain.com",
        "email@mysite.com", "someone@example.com", "firstname.lastname@company.com",
        "https://medium.com/@shop", f"{'a' * 250}@shop.fi", "%40", "&#64;", "mailto:",
    ],
)  # fmt: skip
def test_what_is_no_address_of_anybody_is_left_out(usable, text) -> None:
    assert usable(text) == []


def test_a_mebibyte_of_text_is_read_in_linear_time(usable) -> None:
    began = time.monotonic()
    many = [f"a{number}@shop{number}.fi" for number in range(10_000)]
    assert usable(", ".join(many)) == many
    for text in ("a" * 2**20 + "@", "a@" * 2**19, "@" * 2**20, "%40" * 2**18, "&#64;" * 2**17):
        assert usable(text) == []
    assert usable("ä" * 2**19 + " info@shop.fi") == ["info@shop.fi"]
    assert time.monotonic() - began < 20


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # it writes nothing
)
@given(
    texts=st.lists(
        st.text(
            st.one_of(
                st.sampled_from("@.%&#;x64aA0,? <>'\u200b\u00a0"),
                st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
            ),
            max_size=30,
        ),
        min_size=20,
        max_size=20,
    )
)
def test_any_text_is_read(owner, texts) -> None:
    for found in owner.execute(
        "select usable_emails(given.text) from unnest(%s::text[]) as given(text)", [texts]
    ).fetchall():
        for email in found[0]:
            assert email.count("@") == 1
            assert not set(email) & set(" \t\r\n,;<>\u200b")
            again = owner.execute("select usable_emails(%s)", [email]).fetchone()[0]
            assert again in ([email], [])

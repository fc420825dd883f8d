"""Whether somebody may be written to, without seeing the list."""

from __future__ import annotations


def test_each_contact_is_checked_by_its_own_entry_and_by_a_domain_s(store) -> None:
    store.suppress_contacts(
        [
            {"email": "anna@shop.fi", "reason": "asked"},
            {"domain": "bad.fi"},
            {"phone": "512 555 0100"},
        ]
    )
    store.erase_contact("eero@shop.fi")
    contacts = store.check_contacts(
        [
            "ANNA@shop.fi",
            "x@mail.bad.fi",
            {"domain": "mail.bad.fi"},
            {"domain": "fi"},
            "joanna@shop.fi",
            {"phone": "+1 (512) 555-0100", "email": "eero@shop.fi"},
            "nobody",
        ]
    ).contacts
    assert [(each.index, each.kind, each.is_suppressed, each.by) for each in contacts] == [
        (0, "email", True, "email"),
        (1, "email", True, "domain"),
        (2, "domain", True, "domain"),
        (3, "domain", False, None),
        (4, "email", False, None),
        (5, "email", True, "email"),
        (5, "phone", True, "phone"),
        (6, "email", False, None),
    ]
    assert (contacts[0].reason, contacts[0].is_erased, contacts[5].is_erased) == (
        "asked",
        False,
        True,
    )
    assert contacts[3].problem == "the domain is none"
    assert contacts[7].problem == "the email is not one address"

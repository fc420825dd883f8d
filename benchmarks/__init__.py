"""How fast each stored function is, beside what one could do instead on the same server.

One module a function, named for it: it says what is measured and with what it is compared.
`measurement.py` takes turns between the variants, `clients.py` lets several processes call at
once, `figures.py` is what comes out.
"""

"""`python -m examples.helsinki`."""

if __name__ == "__main__":
    # Here, as each of the demo's processes imports this module and needs none of it.
    from examples.helsinki.command import main

    main()

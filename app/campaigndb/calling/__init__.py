"""Calling the stored functions: their catalogue, the stores, transactions, retries, errors."""

"""What revisions import from the package. This module never moves and its names stay.

A released revision never changes, so whatever it imports has to be found here for ever.
"""

from campaigndb.migrations.functions import (
    drop_functions,
    recreate_functions,
    replace_functions,
    restore_functions,
)
from campaigndb.migrations.indexes import (
    create_index_concurrently,
    drop_index_concurrently,
    fill_in_pieces,
)

__all__ = [
    "create_index_concurrently",
    "drop_functions",
    "drop_index_concurrently",
    "fill_in_pieces",
    "recreate_functions",
    "replace_functions",
    "restore_functions",
]

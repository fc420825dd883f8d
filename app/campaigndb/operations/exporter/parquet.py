"""Parquet by the optional pyarrow, which reads the server's CSV with each column's type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from campaigndb.operations.exporter.columns import COLUMNS, Kind
from campaigndb.operations.exporter.copying import ITEM_SEPARATOR
from campaigndb.operations.exporter.presets import Layout

# Bytes of CSV in one row group.
_BLOCK = 4 * 1024 * 1024


def write_parquet(chunks: Iterator[bytes], layout: Layout, file: BinaryIO) -> None:
    """Writes the output of COPY with typed columns: decimals, times, lists and numbers.

    Raises:
        ImportError: pyarrow is not installed.
    """
    import pyarrow
    from pyarrow import compute, csv, parquet

    types = {heading: _type(pyarrow, name) for heading, name in layout.columns.items()}
    lists = [heading for heading, kind in types.items() if pyarrow.types.is_list(kind)]
    schema = pyarrow.schema(list(types.items()))
    reader = csv.open_csv(
        pyarrow.PythonFile(_Stream(chunks), mode="r"),
        read_options=csv.ReadOptions(block_size=_BLOCK, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types={
                heading: pyarrow.string() if heading in lists else kind
                for heading, kind in types.items()
            },
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            timestamp_parsers=[csv.ISO8601],
        ),
    )
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in reader:
            columns = [
                compute.split_pattern(batch.column(heading), ITEM_SEPARATOR)
                if heading in lists
                else batch.column(heading)
                for heading in types
            ]
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))


def _type(pyarrow: Any, name: str) -> Any:
    return {
        Kind.TEXT: pyarrow.string(),
        Kind.TEXTS: pyarrow.list_(pyarrow.string()),
        Kind.JSON: pyarrow.string(),
        Kind.NUMBER: pyarrow.decimal128(38, 10),
        Kind.WHOLE: pyarrow.int64(),
        Kind.FLOAT: pyarrow.float64(),
        Kind.BOOLEAN: pyarrow.bool_(),
        Kind.TIME: pyarrow.timestamp("us", tz="UTC"),
        Kind.ID: pyarrow.string(),
    }[COLUMNS[name].kind]


class _Stream:
    """Chunks as a readable file."""

    closed = False

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts, length = [self._rest], len(self._rest)
        while size < 0 or length < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            length += len(chunk)
        data = b"".join(parts)
        if size < 0:
            self._rest = b""
            return data
        self._rest = data[size:]
        return data[:size]

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

"""numpy columns as Arrow arrays: the same bits, vectors as lists of fixed size, empty ones as lists."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Array = npt.NDArray[Any]


def arrow_array(column: Array, nulls: int = 0) -> pa.Array:
    """Column (n,) or (n, size) as an array of n + ``nulls`` entries, the last of them null."""
    mask = np.arange(len(column) + nulls) >= len(column)
    padded = np.concatenate((column, np.zeros((nulls, *column.shape[1:]), column.dtype)))
    if column.ndim == 1:
        return pa.array(padded, mask=mask if nulls else None)
    if not column.shape[1]:
        # Arrow has no lists of the fixed size 0.
        return pa.array([[]] * len(column) + [None] * nulls, pa.list_(pa.from_numpy_dtype(column.dtype)))
    flat = pa.array(np.ascontiguousarray(padded).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, column.shape[1], mask=pa.array(mask) if nulls else None)


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer that keeps every bit of floating-point numbers: dictionaries take some NaN for others."""
    words = [field.name for field in schema if pa.types.is_string(field.type)]
    # Declared as bool, documented as bool or list.
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=words)  # pyright: ignore[reportArgumentType]

"""Threads of matrix products."""

import pytest
import torch
from threadpoolctl import threadpool_info

from hrl_core.threads import limit_threads, matrix_libraries


def _blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize("count", [1, 2])
def test_numpy_and_torch_get_the_same_number_of_threads(count: int) -> None:
    """Learning uses the products of both."""
    before, blas_before = torch.get_num_threads(), _blas_threads()
    try:
        with limit_threads(count):
            assert torch.get_num_threads() == count
            assert _blas_threads() == {count}
        assert _blas_threads() == blas_before
    finally:
        torch.set_num_threads(before)


def test_libraries_of_matrix_products_say_kernel_and_threads() -> None:
    with limit_threads(1):
        told = matrix_libraries()
    assert set(told) == {"numpy", "torch"}
    assert all(each["threads"] == 1 and each["library"] and each["kernel"] for each in told.values())

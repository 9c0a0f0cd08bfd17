import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Networks of a few channels gain nothing from threads, and lose much where other work runs beside them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

import pytest
import torch
from torch import nn

from auditlens.errors import IntegrityError, ModelError
from auditlens.store.folders import file_sha256
from auditlens.subject.weights import load_weights

from .conftest import save


def net(width: int = 5, n_out: int = 2) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(width, n_out))


def loaded(module, state):
    return all(torch.equal(value, state[name].to(value.dtype)) for name, value in module.state_dict().items())


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_plain_files(tmp_path, suffix):
    path = tmp_path / f"w.{suffix}"
    state = save(net(), path)
    module = net()
    assert load_weights(module, path, None) == file_sha256(path)
    assert loaded(module, state)


@pytest.mark.parametrize("nesting", [["state_dict"], ["model"], ["state_dict", "model_state_dict"]])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_nesting_and_prefixes(tmp_path, nesting, prefix):
    state = save(net(), tmp_path / "plain.pt")
    content = {f"{prefix}{name}": value for name, value in state.items()}
    for key in nesting:
        content = {key: content, "epoch": 3}
    torch.save(content, tmp_path / "w.pt")
    module = net()
    load_weights(module, tmp_path / "w.pt", None)
    assert loaded(module, state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_cast(tmp_path, dtype):
    state = {name: v.to(dtype) if v.is_floating_point() else v for name, v in save(net(), tmp_path / "p.pt").items()}
    torch.save(state, tmp_path / "w.pt")
    module = net()
    load_weights(module, tmp_path / "w.pt", None)
    assert loaded(module, state)
    assert {value.dtype for value in module.parameters()} == {torch.float32}


def test_batch_counters_may_be_absent(tmp_path):
    state = save(net(), tmp_path / "p.pt")
    del state["1.num_batches_tracked"]
    torch.save(state, tmp_path / "w.pt")
    load_weights(net(), tmp_path / "w.pt", None)


def test_another_hash_is_refused_with_both_values(tmp_path):
    save(net(), tmp_path / "w.pt")
    with pytest.raises(IntegrityError) as caught:
        load_weights(net(), tmp_path / "w.pt", "0" * 64)
    assert "0" * 64 in str(caught.value)
    assert file_sha256(tmp_path / "w.pt") in str(caught.value)
    load_weights(net(), tmp_path / "w.pt", file_sha256(tmp_path / "w.pt"))


def test_other_shapes_are_named(tmp_path):
    save(net(n_out=3), tmp_path / "w.pt")
    module = net()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        load_weights(module, tmp_path / "w.pt", None)
    text = str(caught.value)
    assert "2 of another shape (3.weight is (3, 5) in the file, (2, 5) in the model" in text
    assert "number of classes" in text
    assert loaded(module, before)


def test_missing_and_unknown_names_are_counted(tmp_path):
    state = save(net(), tmp_path / "p.pt")
    torch.save({"stem.weight": state["0.weight"], "3.weight": state["3.weight"]}, tmp_path / "w.pt")
    with pytest.raises(ModelError) as caught:
        load_weights(net(), tmp_path / "w.pt", None)
    text = str(caught.value)
    assert "7 missing in the file (0.weight, 0.bias, 1.weight, 1.bias, and 3 more)" in text
    assert "1 unknown to the model (stem.weight)" in text
    assert "another architecture" in text


class Evil:
    def __reduce__(self):
        return print, ("code in the weights ran",)


def test_code_in_weights_does_not_run(tmp_path, capsys):
    torch.save({"x": Evil()}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="cannot read"):
        load_weights(net(), tmp_path / "w.pt", None)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_damaged_files(tmp_path, name):
    save(net(), tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ModelError, match="cannot read the weights file"):
        load_weights(net(), tmp_path / name, None)


def test_absent_and_empty_files(tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        load_weights(net(), tmp_path / "absent.pt", None)
    torch.save({"epoch": 3, "state_dict": {"lr": 0.1}}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="no state dict"):
        load_weights(net(), tmp_path / "w.pt", None)

"""Image classifiers of the transformers package, from a folder or, where the spec names it, from the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from torch import Tensor, nn

from auditlens.errors import IntegrityError, ModelError
from auditlens.spec.model import Output, is_multi_label
from auditlens.spec.paths import HUGGINGFACE, is_hub_id, resolve
from auditlens.store.folders import file_sha256

CONFIG: Final = "config.json"
WANTED: Final = (CONFIG, "preprocessor_config.json", "*.safetensors", "*.safetensors.index.json")


class Logits(nn.Module):
    """An image classifier that returns its logits alone, (batch, classes)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Run the network."""
        logits: Tensor = self.network(pixel_values=pixel_values).logits
        return logits


def find_folder(architecture: str, base: Path) -> Path | None:
    """Return the folder that `huggingface:FOLDER` or `huggingface:ORG/NAME@REVISION` stands for; None for other kinds.

    A model of the hub is fetched into the hub's own cache: its configuration and safetensors, nothing that could run.

    Raises
    ------
    ModelError
        The folder has no configuration, or the hub does not give the model.
    """
    if not architecture.startswith(HUGGINGFACE):
        return None
    name = architecture.removeprefix(HUGGINGFACE)
    folder = _fetch(name) if is_hub_id(name) else resolve(name, base)
    if not (folder / CONFIG).is_file():
        raise ModelError(
            f"{folder} holds no {CONFIG}",
            hint="for a model of the hub write huggingface:ORG/NAME@REVISION, with a tag or a commit",
        )
    return folder


def _fetch(name: str) -> Path:
    identity, _, revision = name.partition("@")
    _demand_package()
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(identity, revision=revision, allow_patterns=list(WANTED)))
    except Exception as error:  # network, rights, absent model: each an error class of its own
        reason = "".join(str(error).strip().splitlines()[:1])
        raise ModelError(f"the hub does not give {name}: {type(error).__name__}: {reason}") from error


def build_classifier(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build the classifier of a folder with the folder's weights; every tensor must fit.

    Parameters
    ----------
    name : str
        The folder.
    arguments : mapping
        Fields of the configuration that are to be others.

    Raises
    ------
    ModelError
        No safetensors, a configuration that is no image classifier's, unknown arguments, or weights that do not fit.
    """
    transformers = _demand_package()
    folder = Path(name)
    with _quiet(transformers):
        try:
            config, unknown = transformers.AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, return_unused_kwargs=True, **arguments
            )
            if unknown:
                raise ModelError(f"{folder / CONFIG} has no field {', '.join(unknown)}, which `model.arguments` names")
            network = _load(transformers, folder, config)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            reason = "".join(str(error).strip().splitlines()[:1])
            raise ModelError(f"{folder} is no image classifier that can be loaded: {reason}") from error
    return Logits(network)


def _load(transformers: Any, folder: Path, config: Any) -> nn.Module:
    _weight_files(folder)
    network, found = transformers.AutoModelForImageClassification.from_pretrained(
        folder,
        config=config,
        local_files_only=True,
        trust_remote_code=False,  # without the word, transformers would ask on the terminal
        use_safetensors=True,
        output_loading_info=True,
        attn_implementation="eager",
    )
    wrong = {what: sorted(map(str, found.get(f"{what}_keys", ()))) for what in ("missing", "unexpected", "mismatched")}
    told = [f"{len(keys)} {what} ({', '.join(keys[:3])})" for what, keys in wrong.items() if keys]
    if told:
        raise ModelError(f"the weights of {folder} do not fit its {CONFIG}: {'; '.join(told)}")
    return network  # type: ignore[no-any-return]


def weights_sha256(folder: Path, expected: str | None) -> str:
    """SHA-256 of the folder's safetensors file; of several, that of the lines that `sha256sum` prints for them by name.

    Raises
    ------
    IntegrityError
        Another one than expected.
    """
    files = _weight_files(folder)
    sums = [file_sha256(path) for path in files]
    lines = "".join(f"{digest}  {path.name}\n" for digest, path in zip(sums, files, strict=True))
    found = sums[0] if len(sums) == 1 else hashlib.sha256(lines.encode()).hexdigest()
    if expected is not None and found != expected:
        raise IntegrityError(f"the weights in {folder} have SHA-256 {found}, the spec expects {expected}")
    return found


def _weight_files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(
            f"{folder} holds no safetensors file",
            hint="save the model there by save_pretrained",
        )
    return files


def check_config(module: nn.Module, classes: tuple[str, ...], output: Output) -> None:
    """Compare what the configuration says of classes and output with the spec; other modules pass.

    Raises
    ------
    ModelError
        The same class names in another order, or several labels where the spec says one, or the other way round.
    """
    if not isinstance(module, Logits):
        return
    config: Any = module.network.config
    names = tuple(str(config.id2label[index]) for index in sorted(config.id2label))
    if set(names) == set(classes) and names != classes:
        raise ModelError(f"`model.classes` names the model's classes in another order; it is {', '.join(names)}")
    problem = getattr(config, "problem_type", None)
    if problem == "multi_label_classification" and not is_multi_label(output):
        raise ModelError(f"`output: {output}` is declared, but {CONFIG} says {problem}; declare `output: multi_label`")
    if problem == "single_label_classification" and is_multi_label(output):
        raise ModelError(f"`output: {output}` is declared, but {CONFIG} says {problem}; declare `output: logits`")


def _demand_package() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ModelError(
            "`huggingface:` needs the package transformers", hint="pip install 'auditlens[huggingface]'"
        ) from error
    return transformers


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep progress bars and notices of the package off the terminal while the context is open."""
    logging = transformers.utils.logging
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()

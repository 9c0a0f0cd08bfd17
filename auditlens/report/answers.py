"""Tables of the model's answers, so that two runs compare in pairs.

`tables/trials.parquet`, `predictions.parquet`, `erased.parquet` and `relevance_by_image.parquet`.

They come from the evidence, which a record does not hold: written once, when the audit runs, and left alone by
`auditlens report`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auditlens.errors import InputError
from auditlens.stages.answers import Answers, CleanAnswers, ErasedAnswers, RelevanceAnswers, Said, TrialAnswers
from auditlens.store.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

TRIALS, PREDICTIONS = "tables/trials.parquet", "tables/predictions.parquet"
ERASED, RELEVANCE = "tables/erased.parquet", "tables/relevance_by_image.parquet"
SAID = {"probability": "float64", "margin": "float64", "decided": "string"}
TRIAL_COLUMNS = {
    "artefact": "string",
    "class_name": "string",
    "image": "string",
    "label": "string",
    "unit": "int64",
    "repetition": "int64",
    "instance": "int64",
    "area": "float64",
    **{f"{when}_{field}": kind for when in ("clean", "inserted", "sham") for field, kind in SAID.items()},
    "pictures": "string",
}
PREDICTION_COLUMNS = {"class_name": "string", "image": "string", "label": "string", "unit": "int64", **SAID}
ERASED_COLUMNS = {
    "class_name": "string",
    "image": "string",
    "label": "string",
    "unit": "int64",
    "area": "float64",
    "probability": "float64",
}
SHARE_COLUMNS = ("spurious_relevance_share", "unexpected_relevance_share")
RELEVANCE_COLUMNS = {
    "layer": "string",
    "class_name": "string",
    "attributor": "string",
    "image": "string",
    "unit": "int64",
    **dict.fromkeys(SHARE_COLUMNS, "float64"),
}


def keep_answers(folder: RunFolder, answers: Answers) -> None:
    """Write the tables into a run folder."""
    if answers.erased is not None:
        folder.write_bytes(ERASED, _bytes([_erased_columns(part) for part in answers.erased.values()], ERASED_COLUMNS))
    if answers.relevance is not None:
        parts = [_relevance_columns(part) for part in answers.relevance.values()]
        folder.write_bytes(RELEVANCE, _bytes(parts, RELEVANCE_COLUMNS))
    folder.write_bytes(
        PREDICTIONS, _bytes([_clean_columns(part) for part in answers.clean.values()], PREDICTION_COLUMNS)
    )
    folder.write_bytes(TRIALS, _bytes([_trial_columns(part) for part in answers.trials.values()], TRIAL_COLUMNS))


def _clean_columns(part: CleanAnswers) -> dict[str, Any]:
    return {
        "class_name": [part.class_name] * len(part.images),
        "image": part.images,
        "label": part.labels,
        "unit": part.units,
        **{field: getattr(part.said, field) for field in SAID},
    }


def _erased_columns(part: ErasedAnswers) -> dict[str, Any]:
    return {
        "class_name": [part.class_name] * len(part.images),
        "image": part.images,
        "label": part.labels,
        "unit": part.units,
        "area": part.area,
        "probability": part.probability,
    }


def _relevance_columns(part: RelevanceAnswers) -> dict[str, Any]:
    n = len(part.images)
    return {
        "layer": [part.layer] * n,
        "class_name": [part.class_name] * n,
        "attributor": [part.attributor] * n,
        "image": part.images,
        "unit": part.units,
        **{metric: part.shares.get(metric, [None] * n) for metric in SHARE_COLUMNS},
    }


def _trial_columns(part: TrialAnswers) -> dict[str, Any]:
    n = len(part.images)
    columns: dict[str, Any] = {
        "artefact": [part.artefact] * n,
        "class_name": [part.class_name] * n,
        "image": part.images,
        "label": part.labels,
        "unit": part.units,
        "repetition": part.repetitions,
        "instance": part.instances,
        "area": part.area,
        "pictures": [part.pictures] * n,
    }
    for when, said in (("clean", part.clean), ("inserted", part.inserted), ("sham", part.sham)):
        columns |= {f"{when}_{field}": [None] * n if said is None else getattr(said, field) for field in SAID}
    return columns


def _bytes(parts: Sequence[dict[str, Any]], columns: dict[str, str]) -> bytes:
    """Write the parts one below the other; equal rows give equal bytes."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in columns.items()])
    tables = [
        pa.table([pa.array(part[field.name], type=field.type) for field in schema], schema=schema) for part in parts
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables([schema.empty_table(), *tables]), buffer, compression="zstd")
    return buffer.getvalue()


def read_answers(run: Path) -> Answers | None:
    """Read what a run folder keeps; None where it was written before runs kept their answers.

    Raises
    ------
    InputError
        For a table that is broken.
    """
    if not (run / TRIALS).is_file() or not (run / PREDICTIONS).is_file():
        return None
    trials, clean = _table(run / TRIALS, TRIAL_COLUMNS), _table(run / PREDICTIONS, PREDICTION_COLUMNS)
    return Answers(
        clean={str(name): _clean(str(name), part) for name, part in clean.groupby("class_name", sort=False)},
        trials={
            (str(artefact), str(name)): _trials(str(artefact), str(name), part)
            for (artefact, name), part in trials.groupby(["artefact", "class_name"], sort=False)
        },
        erased=_read_erased(run / ERASED),
        relevance=_read_relevance(run / RELEVANCE),
    )


def _read_erased(path: Path) -> dict[str, ErasedAnswers] | None:
    """None where the run was written before it kept them; so of relevance."""
    if not path.is_file():
        return None
    table = _table(path, ERASED_COLUMNS)
    return {str(name): _erased(str(name), part) for name, part in table.groupby("class_name", sort=False)}


def _erased(class_name: str, table: pd.DataFrame) -> ErasedAnswers:
    table = table.sort_values("image", kind="stable")
    return ErasedAnswers(
        class_name,
        table["image"].to_numpy(np.str_),
        table["label"].to_numpy(np.str_),
        table["unit"].to_numpy(np.int64),
        table["area"].to_numpy(np.float64),
        table["probability"].to_numpy(np.float64),
    )


def _read_relevance(path: Path) -> dict[tuple[str, str], RelevanceAnswers] | None:
    if not path.is_file():
        return None
    table = _table(path, RELEVANCE_COLUMNS)
    return {
        (str(layer), str(name)): _relevance(str(layer), str(name), part)
        for (layer, name), part in table.groupby(["layer", "class_name"], sort=False)
    }


def _relevance(layer: str, class_name: str, table: pd.DataFrame) -> RelevanceAnswers:
    table = table.sort_values("image", kind="stable")
    shares = {metric: table[metric].to_numpy(np.float64) for metric in SHARE_COLUMNS if not table[metric].isna().any()}
    return RelevanceAnswers(
        layer,
        class_name,
        str(table["attributor"].iloc[0]),
        table["image"].to_numpy(np.str_),
        table["unit"].to_numpy(np.int64),
        shares,
    )


def _table(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}", hint="run the audit again") from error
    missing = [name for name in columns if name not in table]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}", hint="run the audit again")
    return table


def _said(table: pd.DataFrame, prefix: str) -> Said:
    return Said(
        table[f"{prefix}probability"].to_numpy(np.float64),
        table[f"{prefix}margin"].to_numpy(np.float64),
        table[f"{prefix}decided"].to_numpy(np.str_),
    )


def _clean(class_name: str, table: pd.DataFrame) -> CleanAnswers:
    table = table.sort_values("image", kind="stable")
    return CleanAnswers(
        class_name,
        table["image"].to_numpy(np.str_),
        table["label"].to_numpy(np.str_),
        table["unit"].to_numpy(np.int64),
        _said(table, ""),
    )


def _trials(artefact: str, class_name: str, table: pd.DataFrame) -> TrialAnswers:
    table = table.sort_values(["image", "repetition"], kind="stable")
    return TrialAnswers(
        artefact=artefact,
        class_name=class_name,
        pictures=str(table["pictures"].iloc[0]),
        images=table["image"].to_numpy(np.str_),
        labels=table["label"].to_numpy(np.str_),
        units=table["unit"].to_numpy(np.int64),
        repetitions=table["repetition"].to_numpy(np.int64),
        instances=table["instance"].to_numpy(np.int64),
        area=table["area"].to_numpy(np.float64),
        clean=_said(table, "clean_"),
        inserted=_said(table, "inserted_"),
        sham=None if table["sham_probability"].isna().any() else _said(table, "sham_"),
    )

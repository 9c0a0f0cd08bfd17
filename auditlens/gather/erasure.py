"""The lesion erased from images that have a mask, in stored chunks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from auditlens.challenge.draws import stream
from auditlens.challenge.erasure import LEAST_SKIN, MARGIN, can_erase, erase, erased_region
from auditlens.challenge.trials import choose_rows
from auditlens.data.images import load_mask
from auditlens.errors import ModelError
from auditlens.gather.context import Context
from auditlens.stages.erasure import Erasures
from auditlens.store.folders import file_sha256


def erasures(context: Context) -> Erasures | None:
    """Erase lesions and ask the model whose behaviour is measured; None where no image has a mask, or it is off."""
    limit = context.spec.challenge.erased_images
    masked = [row for row, sample in enumerate(context.index.samples) if sample.mask is not None]
    if not limit or not masked:
        return None
    rows = choose_rows(masked, context.samples.labels.tolist(), limit, context.index.digests)
    context.progress.stage("Positive control: the lesion erased", len(rows))
    key = context.behaviour_key(
        erased=list(rows), margin=MARGIN, least_skin=LEAST_SKIN, masks=[_mask_digest(context, row) for row in rows]
    )
    compute = _erasing(context, rows)
    found = context.store.chunked("erasures", key, len(rows), context.chunk_size, compute, context.told())
    context.progress.done()
    fit = found["area"] > 0
    return Erasures(
        image_indices=np.asarray(rows, dtype=np.int64)[fit],
        probabilities=found["probabilities"][fit],
        area=found["area"][fit],
        n_without_mask=len(context.index) - len(masked),
        n_unfit=int((~fit).sum()),
    )


def _mask_digest(context: Context, row: int) -> str:
    mask = context.index.samples[row].mask
    assert mask is not None  # only rows with a mask are chosen
    return file_sha256(mask)


def _erasing(context: Context, rows: tuple[int, ...]) -> Callable[[int, int], dict[str, np.ndarray]]:
    """One chunk: probabilities with the lesion erased, and the share filled; 0 where nothing could be erased."""

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        area, probabilities = [], []
        for first in range(start, stop, context.batch_size):
            shown = [_erased(context, row) for row in rows[first : min(first + context.batch_size, stop)]]
            area += [share for _, share in shown]
            probabilities.append(_answers(context, [image for image, _ in shown]))
        return {"area": np.asarray(area), "probabilities": np.concatenate(probabilities)}

    return compute


def _erased(context: Context, row: int) -> tuple[np.ndarray, float]:
    """Pixels of one image without its lesion, and the share that was filled."""
    image = context.load(row)
    sample = context.index.samples[row]
    mask = load_mask(sample, (image.shape[1], image.shape[0]))
    assert mask is not None  # only rows with a mask are chosen
    region = erased_region(mask)
    if not can_erase(region):
        return image, 0.0
    return erase(image, region, stream("erased", sample.digest, context.spec.seed)), float(region.mean())


def _answers(context: Context, images: list[np.ndarray]) -> np.ndarray:
    model = context.behaving
    with torch.inference_mode():
        batch = torch.stack([model.prepare(image) for image in images])
        probabilities = model.probabilities(batch.to(model.device)).float().cpu().numpy()
    if not np.isfinite(probabilities).all():
        raise ModelError("the model gives values that are not finite for an image whose lesion is erased")
    return np.asarray(probabilities)

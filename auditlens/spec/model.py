"""AuditSpec: what the user wrote, as strict frozen types. The JSON Schema is generated from these."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from auditlens.spec.artefacts import Artefact
from auditlens.spec.audited_model import Decision as Decision
from auditlens.spec.audited_model import Model as Model
from auditlens.spec.audited_model import Output as Output
from auditlens.spec.audited_model import Preprocessing as Preprocessing
from auditlens.spec.audited_model import ReferencePrediction as ReferencePrediction
from auditlens.spec.audited_model import Released as Released
from auditlens.spec.audited_model import check_classes as check_classes
from auditlens.spec.audited_model import check_layers as check_layers
from auditlens.spec.audited_model import is_multi_label as is_multi_label
from auditlens.spec.baselines import Baseline as Baseline
from auditlens.spec.baselines import Change as Change
from auditlens.spec.doses import Combinations as Combinations
from auditlens.spec.gates import LIMIT as LIMIT
from auditlens.spec.gates import METRICS as METRICS
from auditlens.spec.gates import Each as Each
from auditlens.spec.gates import Gate as Gate
from auditlens.spec.gates import Metric as Metric
from auditlens.spec.gates import check_limit as check_limit
from auditlens.spec.images import Data as Data
from auditlens.spec.images import DataSet as DataSet
from auditlens.spec.images import GeneratedData as GeneratedData
from auditlens.spec.images import ImageSet as ImageSet
from auditlens.spec.images import Window as Window
from auditlens.spec.meaning import Assumption as Assumption
from auditlens.spec.meaning import ClassRule as ClassRule
from auditlens.spec.meaning import Concept as Concept
from auditlens.spec.meaning import Controls as Controls
from auditlens.spec.meaning import Foundation as Foundation
from auditlens.spec.meaning import ProbeSource as ProbeSource
from auditlens.spec.meaning import Vocabulary as Vocabulary
from auditlens.spec.overlap import ForbiddenOverlap as ForbiddenOverlap
from auditlens.spec.parts import CLOSED as CLOSED
from auditlens.spec.parts import Fraction as Fraction
from auditlens.spec.parts import Name as Name
from auditlens.spec.parts import Part as Part
from auditlens.spec.parts import Sha256 as Sha256
from auditlens.spec.protocol import Protocol as Protocol
from auditlens.spec.review import Review as Review
from auditlens.spec.separability import Separability as Separability
from auditlens.spec.strata import Strata as Strata
from auditlens.spec.tiers import Tier as Tier
from auditlens.spec.waivers import Waiver as Waiver


class Audit(Part):
    """Who audits what, for which use."""

    id: str = Field(min_length=1, description="Identifier of the audit, as your quality system numbers it.")
    version: str = Field("1", description="Version of this spec.")
    title: str = Field("Shortcut audit", description="Title on the first page.")
    intended_use: str = Field("", description="Intended use of the audited device, as its documentation states it.")
    owner: str = Field("", description="Person who answers for this spec.")
    risk_ids: tuple[str, ...] = Field((), description="Risks of the risk file that this audit speaks to.")


class Examine(Part):
    """Settings of the examination; each default is shown in the report."""

    n_examples: int = Field(20, ge=2, le=200, description="Concept examples per component (m).")
    one_per_unit: bool = Field(
        True, description="At most one image of each unit (patient) among a component's examples: its highest."
    )
    pooling: Literal["mean", "max"] = Field("mean", description="How an activation map becomes one number.")
    example_weights: Literal["equal", "activation"] = Field(
        "equal", description="How much each concept example counts in a component's embedding (D.4.3)."
    )
    relevance_floor: Literal["auto"] | Fraction = Field(
        "auto",
        description="Share of |relevance| from which on a component's examples are cropped; auto: 1 % or 5/components.",
    )
    max_components: int = Field(
        40, ge=1, description="At most so many components per class and layer are cropped; the rest: whole images."
    )
    attributor: Literal["auto", "lrp", "attnlrp", "gradient_x_activation", "integrated_gradients"] = Field(
        "auto", description="How relevance is computed."
    )
    crops: Literal["auto", "crp", "activation", "none"] = Field("auto", description="How concept examples are cropped.")
    crop_threshold: Fraction = Field(0.01, description="Keep what has at least this share of the highest attribution.")
    z_threshold: float = Field(
        3.0, gt=0, description="z against matched random image sets from which on a component is labelled."
    )
    ablation_images: int = Field(
        100, ge=0, description="Images per class on which components are silenced; 0 switches ablation off."
    )
    observability_limit: Fraction = Field(
        0.7, description="The AUROC's lower bound must exceed this for a concept to be observable."
    )


class Challenge(Part):
    """Settings of the artefact tests."""

    max_images_per_class: int = Field(300, ge=1, description="Images per class into which each artefact is put.")
    instances_per_image: int = Field(1, ge=1, le=8, description="Different instances put into each image.")
    response_images: int = Field(
        50, ge=0, description="Images per class on which each component's response is measured; 0 switches it off."
    )
    erased_images: int = Field(
        300, ge=0, description="Images per class whose lesion is erased as a positive control; 0 switches it off."
    )
    mediation_images: int = Field(
        50, ge=0, description="Images per class on which components get clean values (mediation); 0 switches it off."
    )
    n_draws: int = Field(10_000, ge=1_000, le=1_000_000, description="Bootstrap draws behind an interval.")
    n_pairs: int = Field(4, ge=0, le=12, description="Example pairs shown per artefact and class.")
    dose_images: int = Field(
        60, ge=1, description="Images per class on which the levels of an artefact's `dose` are compared."
    )
    combinations: Combinations | None = Field(
        None, description="Several artefacts in one image; none are combined without it."
    )
    separability: Separability = Field(default_factory=Separability, description="Settings of the separability test.")


class Report(Part):
    """How the report looks."""

    languages: tuple[Literal["en"], ...] = Field(("en",), description="Languages.")
    prepared_by: str = Field("", description="Name for the signature block.")
    n_components: int = Field(12, ge=1, le=60, description="Components shown per class.")


class AuditSpec(Part):
    """A whole audit: what the model may use, what it must not, and which limits decide."""

    auditlens: Literal[1] = Field(description="Version of the spec format.")
    include: tuple[str, ...] = Field(
        (),
        description="Libraries or files that this spec builds on.",
        examples=[["auditlens/concepts/abcde", "auditlens/artefacts/dermoscopy"]],
    )
    audit: Audit = Field(description="Identity of the audit.")
    protocol: Protocol | None = Field(None, description="Lock and ledger; without them a verdict is exploratory.")
    model: Model = Field(description="The audited model.")
    data: Data = Field(description="The images.")
    foundation: Foundation | None = Field(None, description="The text-image model; without it the inside has no words.")
    opinions: tuple[Foundation, ...] = Field(
        (), description="Further foundation models that label the same crops, to compare; the verdict keeps the first."
    )
    concepts: dict[Name, Concept] = Field(default_factory=dict, description="Concepts by name.")
    classes: dict[str, ClassRule] = Field(default_factory=dict, description="Rule per audited class.")
    vocabulary: Vocabulary | None = Field(None, description="Words that describe what the components encode.")
    controls: Controls = Field(default_factory=Controls, description="Negative controls.")
    decision: Decision | None = Field(None, description="The operating point.")
    artefacts: dict[Name, Artefact] = Field(default_factory=dict, description="Artefacts by name.")
    examine: Examine = Field(default_factory=Examine, description="Settings of the examination.")
    challenge: Challenge = Field(default_factory=Challenge, description="Settings of the artefact tests.")
    gates: dict[Name, Gate] = Field(default_factory=dict, description="Gates by name.")
    tiers: dict[Name, Tier] = Field(default_factory=dict, description="Smaller audits by name, for `run --tier NAME`.")
    waivers: tuple[Waiver, ...] = Field((), description="Accepted failures.")
    baselines: dict[Name, Baseline] = Field(
        default_factory=dict, description="Earlier audits by name; findings are called new, fixed, ... by the first."
    )
    change: Change | None = Field(None, description="Change plan that this model comes under.")
    review: Review | None = Field(None, description="What readers decided about components that no concept explains.")
    report: Report = Field(default_factory=Report, description="Report settings.")
    seed: int = Field(0, ge=0, description="Seed of everything that is drawn.")

    @model_validator(mode="after")
    def _opinions_are_second(self) -> AuditSpec:
        if self.opinions and self.foundation is None:
            raise ValueError("opinions are compared with foundation, and there is none")
        return self

    @property
    def operating_point(self) -> Decision | None:
        """The declared decision, wherever it was written."""
        return self.decision or self.model.decision

"""A recipe for face verification."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from livegate.preprocessing import Preprocessing, aligned
from livegate.runtime.embedders import DLIB
from livegate.training.recipe import AnyRecipe, Augment, Place, Positive, Section, Share


class FaceData(Place):
    """What is learned from: aligned faces. Dev is made of people that are not learned from."""

    index: str = "faces/index.csv"
    """Relative to ``root``: a CSV file, a folder with one folder for each person, or a ``.rec`` file."""
    dev_source: str = ""
    """The source that dev is drawn from; empty for all. Only a CSV file tells of sources."""
    dev_subjects: Annotated[int, Field(ge=2)] = 40
    """How many of its people make up dev."""
    leave_out: tuple[str, ...] = ()
    """Subjects of whom no picture is used at all, such as those that another part of a system is measured on: as the CSV file, the
    folder or the label in the records names them."""


class Wobble(Section):
    """How far landmarks may be off: each picture is turned, moved and scaled before it is learned from."""

    degrees: Annotated[float, Field(ge=0, le=45)] = 0.0
    shift: Share = 0.0
    """Of the side, in both directions."""
    scale: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Larger or smaller by up to this share."""


class Angular(Section):
    """The classes are people: softmax over scaled cosines with a margin on the right one; ``arcface`` as Zhang 2019 uses it, ``am-softmax``."""

    name: Literal["arcface", "am-softmax"]
    scale: Positive = 64.0
    margin: Annotated[float, Field(ge=0)] = 0.5
    """Radians with ``arcface``, off the cosine with ``am-softmax``."""

    @model_validator(mode="after")
    def _within_half_a_turn(self) -> Self:
        if self.name == "arcface" and self.margin >= math.pi:
            raise ValueError(f"margin must stay below half a turn, got {self.margin:g}")
        return self


class Stages(Section):
    """What each stage of the network learns from the teacher's, see `livegate.training.verification.stages`."""

    values: tuple[str, ...]
    """The names of the teacher's values, in its ONNX file, at the end of each stage of the network; as high and as wide."""
    alone: Share = 0.25
    """Of the steps, the first ones: each stage learns from the teacher's stage before it. After them the stages are a chain that learns the
    embedding."""


class Distillation(Section):
    """One minus the cosine to what a teacher says of the same picture; needs no names."""

    name: Literal["distillation"] = "distillation"
    teacher: str = "dlib"
    """``dlib``, or an ONNX file relative to ``data.root``, see `livegate.training.verification.teacher`."""
    cache: str = ""
    """The file that keeps the teacher's embeddings, relative to ``data.root``; empty for one in the run's own folder."""
    stages: Stages | None = None
    """None where the embedding alone is learned."""


Loss = Annotated[Distillation | Angular, Field(discriminator="name")]


class VerificationRecipe(AnyRecipe):
    """A training run for face verification, whole."""

    task: Literal["verification"]
    data: FaceData = FaceData()
    augment: Augment = Augment(flip=0.5, jitter=0.0, noise=0.0)
    wobble: Wobble = Wobble()
    loss: Loss = Distillation()
    embedding_decay: Annotated[float, Field(ge=0)] = 0.0
    """Weight decay of the embedding's linear layer and of the weights of people; that of the optimiser is for all other kernels."""
    decay_biases: bool = False
    """Let the optimiser's weight decay act on biases and the slopes of PReLU too, as Zhang 2019 does; never on normalisation."""
    colour: Literal["RGB"] = "RGB"
    """Order of the channels that the network learns. The nets of the author's code take BGR."""
    size: Annotated[int, Field(ge=32, le=1024)] = 112

    @model_validator(mode="after")
    def _fits(self) -> Self:
        backbone = self.model.backbone
        if backbone.task != "verification":
            raise ValueError(f"{self.model.name!r} is a network for {backbone.task}; choose one for verification")
        self.sampling.require_learned(backbone)
        stages = self.loss.stages if isinstance(self.loss, Distillation) else None
        if stages and len(stages.values) != len(backbone.stages):
            raise ValueError(
                f"loss.stages.values has {len(stages.values)} names, {self.model.name!r} {len(backbone.stages)} stages"
            )
        if stages and isinstance(self.loss, Distillation) and self.loss.teacher == DLIB:
            raise ValueError("loss.stages needs a teacher that is an ONNX file; dlib shows nothing of its stages")
        if self.augment.jittered:
            raise ValueError("augment.jittered names sources, which verification does not tell apart; leave it empty")
        if self.augment.simulated:
            raise ValueError("augment.simulated makes attacks, which verification does not learn; set it to 0")
        return self

    @property
    def deployed(self) -> Preprocessing:
        """What a picture goes through before it is embedded."""
        return aligned(self.size)

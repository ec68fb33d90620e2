"""The files of another maker's contract, made of a network of one's own; nothing is written that does not agree."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from livegate.configuration import Configuration
from livegate.errors import LivegateError, MissingExtraError, ParityError
from livegate.export import omz, targets
from livegate.export.exporter import NO_LICENCE
from livegate.export.omz import FILES, TOLERANCE, export, prove, require_fits, to_onnx, write_ir
from livegate.export.source import Source
from livegate.models.checkpoint import Checkpoint
from livegate.models.mobilenet_v2 import Classifier, InvertedResidual
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing
from livegate.runtime.backends.base import Backend, Model, load
from livegate.runtime.entry import ContractEntry
from livegate.runtime.omz import CONTRACTS

PLAIN = Configuration(())


@pytest.fixture(scope="module")
def tiny() -> Network:
    """A plain network that is small and looks at colours."""
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 16, 3, 4, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(inplace=True))
    network = Network([stem, InvertedResidual(16, 16, 1, 2), Classifier(16, 2, 0.2)])
    nn.init.normal_(network.blocks[-1][-1].weight, std=2)
    return network.eval()


@pytest.fixture(scope="module")
def model(tiny: Network) -> onnx.ModelProto:
    """Its ONNX model; only to read."""
    return to_onnx(tiny, Preprocessing())


@pytest.fixture
def source(tiny: Network, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The network with a few pictures and what torch says of them."""
    monkeypatch.setattr("livegate.export.source.PARITY_PICTURES", 4)
    monkeypatch.setattr(Checkpoint, "network", lambda _: tiny)
    return Source(Checkpoint(ModelSpec("mobilenet-v3-large", ()), Preprocessing(), {}, {}, {}))


def backends(folder: Path, names: tuple[str, ...] = ("onnx", "openvino")) -> dict[str, Backend]:
    """What the files compute."""
    contracts = {facts.runtime: name for name, facts in CONTRACTS.items()}
    return {
        name: load(
            name,
            Model({file: (folder / file).read_bytes() for file in FILES[name]}, ContractEntry(contract=contracts[name])),  # type: ignore[arg-type]
            omz.Options(),
        )
        for name in names
    }


def test_names_shapes_and_types_are_those_of_the_contract(model: onnx.ModelProto) -> None:
    """``actual_input_1`` [1, 3, 128, 128] float32 in, ``output1`` [1, 2] float32 out, the last node a softmax."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ports = [(port.name, port.shape, port.type) for port in (*session.get_inputs(), *session.get_outputs())]
    assert ports == [("actual_input_1", [1, 3, 128, 128], "tensor(float)"), ("output1", [1, 2], "tensor(float)")]
    assert model.graph.node[-1].op_type == "Softmax"
    assert FILES == {"onnx": ("anti-spoof-mn3.onnx",), "openvino": ("anti-spoof-mn3.xml", "anti-spoof-mn3.bin")}


def test_normalisation_is_outside_the_onnx_file(model: onnx.ModelProto, tiny: Network) -> None:
    """It computes what torch computes from the very same numbers, index 0 bona fide."""
    x = np.random.default_rng(0).normal(size=(1, 3, 128, 128)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = torch.softmax(tiny(torch.from_numpy(x), PLAIN), 1).numpy()
    np.testing.assert_allclose(session.run(None, {"actual_input_1": x})[0], expected, rtol=0, atol=1e-6)


def test_both_files_agree_with_torch_and_each_other(model: onnx.ModelProto, source: Source, tmp_path: Path) -> None:
    """In both real runtimes, on the same pixels; the probabilities are not all alike, so that agreeing means something."""
    pytest.importorskip("openvino")
    (tmp_path / FILES["onnx"][0]).write_bytes(model.SerializeToString())
    write_ir(model, tmp_path / FILES["openvino"][0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES["onnx"] + FILES["openvino"])
    made = backends(tmp_path)
    prove(source, made)
    said = [np.exp(backend.run(source.images, PLAIN)) for backend in made.values()]
    assert np.abs(said[0] - said[1]).max() <= TOLERANCE
    assert np.ptp(said[0][:, 0]) > 0.01
    other = np.exp(made["openvino"].run(np.ascontiguousarray(source.images[:, ::-1]), PLAIN))
    assert np.abs(said[0] - other).max() > 0.01  # the order of the channels matters to this network


class Off:
    """A backend whose probabilities are a little off."""

    def __init__(self, backend: Backend, by: float) -> None:
        self.backend, self.by = backend, by

    def run(self, images: np.ndarray, configuration: Configuration) -> np.ndarray:
        """Those of the backend, moved."""
        p = np.exp(self.backend.run(images, configuration).astype(np.float64))
        return np.log(p + np.array([self.by, -self.by]) * (p[:, :1] < 0.5) - np.array([self.by, -self.by]) * (p[:, :1] >= 0.5))


def test_what_does_not_agree_is_refused(model: onnx.ModelProto, source: Source, tmp_path: Path) -> None:
    """A difference of 2e-5 in one file is told with the names of both sides; 5e-6 is none."""
    (tmp_path / FILES["onnx"][0]).write_bytes(model.SerializeToString())
    right = backends(tmp_path, ("onnx",))["onnx"]
    prove(source, {"onnx": Off(right, 5e-6)})
    with pytest.raises(ParityError, match=r"ONNX Runtime and torch differ by 2(\.\d+)?e-05 in a probability, more than 1e-05"):
        prove(source, {"onnx": Off(right, 2e-5)})


def test_nothing_is_left_of_files_that_do_not_agree(
    model: onnx.ModelProto, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the folder nor a part of it."""
    monkeypatch.setattr(omz, "to_onnx", lambda *_: model)
    monkeypatch.setattr(omz, "TOLERANCE", 1e-12)
    with pytest.raises(ParityError):
        export(source.checkpoint, tmp_path / "out", fixed=None, runtimes=["onnx"], licence=NO_LICENCE)
    assert list(tmp_path.iterdir()) == []


def test_only_the_onnx_file_where_that_is_asked_for(
    model: onnx.ModelProto, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which needs no OpenVINO; the licence goes along, and a folder that is there stays as it is."""
    monkeypatch.setattr(omz, "to_onnx", lambda *_: model)
    monkeypatch.setattr(targets, "find_spec", lambda name: name if name in targets.NEEDS else None)
    out = export(source.checkpoint, tmp_path / "out", fixed=None, runtimes=["onnx"], licence=NO_LICENCE)
    assert sorted(path.name for path in out.iterdir()) == ["LICENSE", "anti-spoof-mn3.onnx"]
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[onnx,openvino\]'"):
        export(source.checkpoint, tmp_path / "new", fixed=None, runtimes=["onnx", "openvino"], licence=NO_LICENCE)
    with pytest.raises(LivegateError, match="exists already"):
        export(source.checkpoint, out, fixed=None, runtimes=["onnx"], licence=NO_LICENCE)
    with pytest.raises(LivegateError, match="has no file for litert; give --to onnx,openvino or one of them"):
        export(source.checkpoint, tmp_path / "new", fixed=None, runtimes=["litert"], licence=NO_LICENCE)


def test_a_network_that_does_not_fit_is_refused() -> None:
    """Adaptive blocks without a choice, another size, another normalisation; a choice is taken."""
    adaptive = Checkpoint(ModelSpec(), Preprocessing(), {}, {}, {})
    with pytest.raises(LivegateError, match="this network has 3 adaptive blocks; choose one with --fixed C"):
        require_fits(adaptive, None)
    require_fits(adaptive, Configuration.parse("HLH"))
    plain = ModelSpec("mobilenet-v3-large", ())
    require_fits(Checkpoint(plain, Preprocessing(margin=1.3), {}, {}, {}), None)
    for takes in (Preprocessing(size=112), Preprocessing(mean=(127.5,) * 3, std=(127.5,) * 3)):
        with pytest.raises(LivegateError, match="an input of 128 pixels with mean"):
            require_fits(Checkpoint(plain, takes, {}, {}, {}), None)
    with pytest.raises(LivegateError, match="trained with pictures that are standardised"):
        require_fits(Checkpoint(plain, Preprocessing(standardised=True), {}, {}, {}), None)


def test_an_ir_without_openvino_names_the_install_line(
    model: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a trace of an import."""
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[openvino\]'"):
        write_ir(model, tmp_path / "anti-spoof-mn3.xml")

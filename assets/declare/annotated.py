"""What is wrong with the annotations of a producer for the datasets that it takes and gives. Pure.

An annotation that names a class of the user's own means something where the dataset keeps any Python object, a pickle,
and nothing anywhere else; so whether it is a fault is known when it is bound.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from ...storage import uri as uris
from ...storage.files.formats.registry import holds_objects
from ..code.annotations import ReturnForm, Signature
from ..code.outputs import EACH, SignatureFault
from .asset import AssetFunction
from .catalogue import Input
from .dataset import Dataset
from .faults import Fault


def misread(
    one: AssetFunction, form: Signature, inputs: Sequence[Input], resources: Container[str] = ()
) -> Iterator[Fault]:
    """What is wrong with the signature of a producer; `resources` are the parameters that take one, in any form."""
    taken = {each.parameter for each in inputs if holds_objects(uris.suffix(each.uri), reading=True)}
    for fault in form.faults:
        if fault.object_of == EACH:
            told_by_output = one.several and form.returns.outputs == "mapping"
            if told_by_output or _is_kept(one, fault):
                continue
        elif fault.object_of in taken or (fault.object_of is not None and fault.object_of in resources):
            continue
        yield Fault(kind="signature", message=f"asset {one.name}: {fault.message}", hint=fault.hint, where=one.location)


def returned(one: AssetFunction, form: ReturnForm) -> Iterator[Fault]:
    """One output was declared and several are given, or the other way round; or one of several cannot be given."""
    written, names = form.whole.annotation, [output.name for output in one.outputs]
    if one.several and form.whole.kind is not None and not form.outputs:
        yield Fault(
            kind="outputs_mismatch",
            message=f"asset {one.name}: it declares outputs={{…}}, but its producer returns {written}",
            hint="Return a mapping of output name to value, or yield penstock.Output(name, value).",
            where=one.location,
        )
    for fault in form.unfit if one.several else ():
        if _is_kept(one, fault):
            continue
        yield Fault(kind="signature", message=f"asset {one.name}: {fault.message}", hint=fault.hint, where=one.location)
    for name in (form.fields or ()) if one.several else ():
        if name not in names:
            yield Fault(
                kind="outputs_mismatch",
                message=f"asset {one.name}: its producer returns {written}, which has {name!r}, and it declares no "
                "such output",
                hint=f"It declares: {', '.join(names)}. Take the key out, or declare it.",
                where=one.location,
            )
    if not one.several and form.outputs and form.whole.kind is None and not _holds_objects(one.outputs):
        yield Fault(
            kind="outputs_mismatch",
            message=f"asset {one.name}: it declares one URI, but its producer returns {written}",
            hint="Declare them: @asset(outputs={…}); or return the one value.",
            where=one.location,
        )


def _is_kept(one: AssetFunction, fault: SignatureFault) -> bool:
    """Whether what is wrong anywhere else is right here, because the outputs keep any Python object."""
    if fault.object_of is None:
        return False
    return _holds_objects([each for each in one.outputs if fault.object_of in (EACH, each.name)])


def _holds_objects(outputs: Sequence[Dataset]) -> bool:
    return bool(outputs) and all(holds_objects(each.suffix, reading=False) for each in outputs)

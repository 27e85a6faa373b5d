"""What a producer gives, by its annotation: one value, or several outputs by name. Nothing is raised."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ...storage.types import JsonType, ValueKind
from .forms import Form, Scope, Unresolved
from .kinds import Meaning, meaning_of, penstock_name, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFault:
    """Something in a signature that penstock cannot work with: a sentence, and the next step.

    `object_of` is the parameter or the output (`EACH`: every one) that it is about, where it is no fault if that
    dataset keeps any Python object, or the parameter takes a resource; None where it always is one. `secret`: whether
    it is about a parameter that takes a secret.
    """

    message: str
    hint: str
    object_of: str | None = None
    secret: bool = False


WHOLE, EACH = "", "*"
"""Instead of the name of an output: the one value, and every output that has no annotation of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputForm:
    """In which form an output is given.

    Attributes
    ----------
    kind: None where no annotation says it: then as its value is.
    json: the outermost types that are named, of a JSON value or a text; () for any.
    annotation: as it is written; "" for none.
    required: of several outputs, whether none may leave it out: a field of a `TypedDict` that is not `NotRequired`.
    """

    kind: ValueKind | None = None
    json: tuple[JsonType, ...] = ()
    annotation: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnForm:
    """What a producer gives.

    Attributes
    ----------
    whole: where it is the one value of the one output.
    outputs: `"mapping"` (output name → value) or `"stream"` (of `penstock.Output`) where it may be read as several
        outputs, else "". A mapping may also be one JSON value: how the asset was declared decides.
    item: where it is several outputs, each of them,
    fields: but for those that a `TypedDict` has by name; None where it is none.
    unfit: what is wrong with it as several outputs, and nothing as one value.
    classes: output → the class that its annotation names, of what is kept as any Python object; `WHOLE` is the one
        value, `EACH` each of several outputs.
    """

    whole: OutputForm = OutputForm()
    outputs: Literal["", "mapping", "stream"] = ""
    item: OutputForm = OutputForm()
    fields: Mapping[str, OutputForm] | None = None
    unfit: tuple[SignatureFault, ...] = ()
    classes: Mapping[str, type] = field(default_factory=dict[str, type])


_WITHOUT_NONE = "None publishes nothing"


def return_form(form: Form, annotation: object, scope: Scope) -> tuple[ReturnForm, Meaning]:
    """What a producer with this annotation gives, and what is wrong with it (`why`, `hint`), if anything is."""
    written, form = shown(annotation), _unless_skipped(form)
    meaning = _given(form, "Let every way through the function return the data, or raise.")
    if meaning.why and meaning.kind is not ValueKind.OBJECT:
        return ReturnForm(), meaning
    item, fields, each = OutputForm(annotation=written), None, _Each([], {})
    if meaning.found is not None:
        each.classes[WHOLE] = meaning.found
    if form.name == "TypedDict":
        fields = dict(_fields(form, scope, each))
    elif meaning.outputs == "mapping" and form.args:
        item = _output(form.args[-1], written, EACH, each)
    whole = OutputForm(kind=meaning.kind, json=meaning.json, annotation=written)
    found = ReturnForm(
        whole=whole,
        outputs=meaning.outputs,
        item=item,
        fields=fields,
        unfit=tuple(each.unfit),
        classes=each.classes,
    )
    return found, meaning


@dataclass(frozen=True, slots=True)
class _Each:
    """What is found while outputs are read one by one."""

    unfit: list[SignatureFault]
    classes: dict[str, type]


def _unless_skipped(form: Form) -> Form:
    """What is given where it is not `Skip`, which may stand beside anything: `pl.DataFrame | Skip`."""
    if form.name != "Union":
        return form
    args = tuple(arg for arg in form.args if penstock_name(arg.name) != "penstock.Skip")
    return args[0] if len(args) == 1 else Form("Union", args)


def _given(form: Form, instead: str) -> Meaning:
    """What a form means for an output, which is always there."""
    meaning = meaning_of(form, giving=True)
    if form.name == "None":
        hint = "Return the data; for files that it writes itself, ctx.output; for data elsewhere, penstock.Opaque."
        return Meaning(why="publishes nothing", hint=hint)
    if meaning.kind is ValueKind.VERSION:
        return Meaning(why="is for inputs", hint="Return the data itself, or penstock.Opaque for data elsewhere.")
    if meaning.optional and (not meaning.why or meaning.kind is ValueKind.OBJECT):
        return Meaning(why=f"may be None, and {_WITHOUT_NONE}", hint=f"Write it without `None`. {instead}")
    return meaning


def _output(form: Form, written: str, name: str, each: _Each) -> OutputForm:
    """One of several outputs, or `EACH` of them."""
    form = _unless_skipped(form)
    meaning = _given(form, "An output that is not to be made is left out of the mapping.")
    if meaning.why:
        which = "each output" if name == EACH else f"output {name!r}"
        kept = meaning.kind is ValueKind.OBJECT
        message = f"gives {which} as {written}, which {meaning.why}"
        each.unfit.append(SignatureFault(message=message, hint=meaning.hint, object_of=name if kept else None))
    if meaning.found is not None:
        each.classes[name] = meaning.found
    return OutputForm(kind=meaning.kind, json=meaning.json, annotation=written)


_NOT_REQUIRED = re.compile(r"\bNotRequired\[")
"""Where annotations are texts (`from __future__ import annotations`), Python 3.11 takes every field as required."""


def _fields(form: Form, scope: Scope, each: _Each) -> Iterator[tuple[str, OutputForm]]:
    """The outputs that a `TypedDict` names, each with the form of its own annotation."""
    cls = form.found
    module = sys.modules.get(cls.__module__)
    if module is not None and vars(module) is not scope.module:
        scope = Scope({}, vars(module), getattr(module, "__file__", None) or "")
    for name, annotation in inspect.get_annotations(cls).items():
        written = shown(annotation)
        try:
            output = _output(scope.form_of(annotation), written, name, each)
            yield name, replace(output, required=name in cls.__required_keys__ and not _NOT_REQUIRED.search(written))
        except Unresolved as why:
            each.unfit.append(
                SignatureFault(
                    message=f"gives output {name!r} as {written}, which cannot be read: {why}",
                    hint=f"Import the name in {cls.__module__} (under `if TYPE_CHECKING` is enough), or write Any.",
                )
            )

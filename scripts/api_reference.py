"""Generate docs/api.md from the docstrings of the public names of ``dlsync`` and ``dlsync.operations``."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import TYPE_CHECKING, Any

from dlsync import client, errors, operations
from dlsync.client.family import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDTH = 100
REQUEST = re.compile(r"(?<=\()(?:GET|POST|PUT|PATCH|DELETE) [\w/<>?=&-]+")
FIELD = re.compile(r"^:(\w+)(?: (\w+))?: ")
HEAD = """\
<!-- made by scripts/reference.py -->
# Python API

```python
import dlsync
from dlsync import operations
```

Everything else may change in any release. [library](library.md) has examples.
"""
ERRORS = """
## Errors

All errors are in `dlsync.errors`, and subclasses of `dlsync.DlsyncError`. `code` is the
[exit code](cli.md#exit-codes) of the command line.

| error | is a | code | when |
| --- | --- | --- | --- |
"""


def reference() -> str:
    """Return the page."""
    return HEAD + "".join([*_client(), *_operations(), *_errors()])


def _client() -> Iterator[str]:
    yield "\n## Client\n\n`dlsync.Client` and `dlsync.ReadClient` have an attribute for each family of the API.\n"
    for kind in (client.ReadClient, client.Client):
        yield f"\n### {kind.__name__}\n\n{_described(kind)}"
    reader = client.ReadClient(url="http://127.0.0.1:1/api/v1", org="acme", account="default", key="changeme")
    for name, family in sorted(vars(reader).items()):
        if isinstance(family, Family):
            yield f"\n### client.{name}\n\n{_described(type(family))}"
            yield from (_method(method) for method in _methods(type(family)))


def _methods(kind: type) -> list[Callable[..., Any]]:
    """Return the public methods of a class, in the order of their definition."""
    found = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
    return [value for name, value in found.items() if inspect.isfunction(value) and not name.startswith("_")]


def _method(method: Callable[..., Any]) -> str:
    return f"\n```python\n{_signature(method)}\n```\n\n{_described(method)}"


def _operations() -> Iterator[str]:
    yield "\n## Operations\n\n`dlsync.operations` has a function for each command.\n"
    for name in operations.__all__:
        found = getattr(operations, name)
        shown = "" if inspect.isclass(found) else f"```python\n{_signature(found)}\n```\n\n"
        yield f"\n### operations.{name}\n\n{shown}{_described(found)}"


def _errors() -> Iterator[str]:
    yield ERRORS
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, errors.DlsyncError):
            first = str(inspect.getdoc(kind)).partition("\n")[0]
            yield f"| `{kind.__name__}` | `{kind.__base__.__name__}` | {kind.exit_code} | {_plain(first)} |\n"  # type: ignore[union-attr] # a class has a base


def _signature(function: Callable[..., Any]) -> str:
    """Return the signature of a function, from its source, with a line for each parameter if it is long."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    node = next(one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
    node.body, node.decorator_list = [ast.Pass()], []
    node.args.args = [argument for argument in node.args.args if argument.arg != "self"]
    start, _, result = ast.unparse(node).removesuffix(":\n    pass").partition(f"({ast.unparse(node.args)})")
    parameters = [*_parameters(node.args)]
    if len(head := f"{start}({', '.join(parameters)}){result}") <= WIDTH:
        return head
    return "\n".join([f"{start}(", *(f"    {one}," for one in parameters), f"){result}"])


def _described(thing: object) -> str:
    """Return a docstring as Markdown: its text, then a list of its fields."""
    paragraphs: list[str] = []
    fields: list[str] = []
    for line in str(inspect.getdoc(thing)).splitlines():
        if match := FIELD.match(line):
            word, name = match.groups()
            start = {"param": f"`{name}`:", "raises": f"raises `{name}`:", "returns": "returns"}.get(word, f"`{name}`:")
            fields.append(f"- {start} {line[match.end() :]}")
        elif fields:
            fields[-1] += f" {line.strip()}"
        else:
            paragraphs.append(line)
    text = "\n".join(paragraphs).strip()
    return _plain(text + "\n" + ("\n" + "\n".join(fields) + "\n" if fields else ""))


def _plain(text: str) -> str:
    """Convert roles and literals of reStructuredText, and requests, to code in Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text.replace("``", "`"))
    return REQUEST.sub(r"`\g<0>`", text)


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    """Yield the parameters of a function, from its source."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + [*arguments.defaults]
    yield from (_parameter(argument, default) for argument, default in zip(plain, defaults, strict=True))
    if arguments.vararg or arguments.kwonlyargs:
        yield "*" + (ast.unparse(arguments.vararg) if arguments.vararg else "")
    yield from map(_parameter, arguments.kwonlyargs, arguments.kw_defaults)
    if arguments.kwarg:
        yield f"**{ast.unparse(arguments.kwarg)}"


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")

"""The command line `elman`: each command is a flow, its options are the fields of that flow's config.

Only the module of the command asked for is imported, so that `elman --help` answers at once.
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any, NoReturn

from elman.data.errors import ElmanError, unwrapped
from elman.tasks.runtime import environment, orchestration
from elman.tasks.runtime.console import print_status, without_controls

EXIT_FAILURE, EXIT_USAGE = 1, 2


@dataclass(frozen=True)
class Command:
    """One command: `flows.<module>` holds its config class and its flow."""

    module: str
    config: str
    flow: str
    help: str
    in_prefect: bool = True  # a flow run where a Prefect API answers
    renderer: str = ""  # module with `text_of`, which makes the text of its result; `render` by default

    def text(self, result: Any) -> str:
        """A result for a person."""
        if self.renderer:
            return str(importlib.import_module(self.renderer).text_of(result))
        return render(plain(result))

    @property
    def computes(self) -> bool:
        """True if it runs kernels."""
        return self.module not in (
            "servers",
            "lineage.champions",
            "lineage.runs",
            "lineage.trace",
            "lineage.clean",
        )

    @property
    def keeps(self) -> bool:
        """Return True if the command writes to the home folder."""
        return self.in_prefect or self.flow in ("up", "demo", "promote", "rollback", "history")


COMMANDS = {
    "ingest": Command("ingest", "IngestConfig", "ingest", "text, DNA, music or speech into a Parquet corpus"),
    "train": Command("train", "TrainConfig", "train", "fit a model to a corpus and log the run to MLflow"),
    "evaluate": Command("evaluate", "EvaluateConfig", "evaluate", "score a model on a corpus"),
    "drift": Command(
        "evaluate", "DriftConfig", "drift", "whether what was tagged looks like the training data"
    ),
    "ladder": Command(
        "ladder", "LadderConfig", "ladder", "what each step from a rule to the default network gains"
    ),
    "check": Command(
        "check",
        "CheckConfig",
        "check",
        "counts and faults of a corpus or of files before training",
        in_prefect=False,
        renderer="elman.tasks.inspection.check_text",
    ),
    "show": Command(
        "show",
        "ShowConfig",
        "show",
        "a text as a corpus or a model sees it, from tokens to tags",
        in_prefect=False,
        renderer="elman.tasks.inspection.render",
    ),
    "tag": Command("tag", "TagConfig", "tag", "tag text or DNA in bulk into Parquet and exports"),
    "generate": Command(
        "learning.generate",
        "GenerateConfig",
        "generate",
        "pieces of music, text or DNA from a model, in bulk",
    ),
    "suggest": Command(
        "labelling.suggest", "SuggestConfig", "suggest", "what to label next, as tasks of an annotation tool"
    ),
    "transcribe": Command(
        "learning.transcribe",
        "TranscribeConfig",
        "transcribe",
        "text of speech with times and probabilities, in bulk",
    ),
    "retrain": Command("retrain", "RetrainConfig", "retrain", "new data in, challenger against champion"),
    "backfill": Command(
        "backfill", "BackfillConfig", "backfill", "ingest and tag a range of days, folders dt=YYYY-MM-DD"
    ),
    "promote": Command(
        "lineage.champions",
        "PromoteConfig",
        "promote",
        "make a version of a registered model champion",
        False,
    ),
    "rollback": Command(
        "lineage.champions", "RollbackConfig", "rollback", "make an earlier version champion again", False
    ),
    "history": Command(
        "lineage.champions",
        "HistoryConfig",
        "history",
        "every decision about the champion of a model, with its reason",
        in_prefect=False,
        renderer="elman.flows.lineage.champions",
    ),
    "runs": Command(
        "lineage.runs",
        "RunsConfig",
        "runs",
        "the runs of the home, with state and score",
        in_prefect=False,
        renderer="elman.tasks.lineage.run_list",
    ),
    "trace": Command(
        "lineage.trace",
        "TraceConfig",
        "trace",
        "what anything came from and was used for, checked by hash",
        in_prefect=False,
        renderer="elman.tasks.lineage.trace_text",
    ),
    "diff": Command(
        "lineage.diff",
        "DiffConfig",
        "diff",
        "what two models, runs or outputs differ in",
        in_prefect=False,
        renderer="elman.tasks.differences.report",
    ),
    "clean": Command(
        "lineage.clean",
        "CleanConfig",
        "clean",
        "what nothing refers to, listed or removed",
        in_prefect=False,
        renderer="elman.tasks.lineage.unused",
    ),
    "up": Command(
        "servers", "UpConfig", "up", "start Prefect, one worker and the MLflow UI on loopback", False
    ),
    "down": Command("servers", "DownConfig", "down", "stop what `elman up` started", False),
    "status": Command(
        "servers",
        "StatusConfig",
        "status",
        "what runs and is scheduled, who is champion, when data last came",
        False,
    ),
    "demo": Command("demo", "DemoConfig", "demo", "the whole job on real input, explained as it goes", False),
}


class Terminated(BaseException):
    """SIGTERM arrived: unwinds like KeyboardInterrupt, so that locks and files are left in order."""


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _usage() -> str:
    commands = "\n".join(f"  {name:<11}{command.help}" for name, command in COMMANDS.items())
    return (
        "usage: elman COMMAND [options]    (elman COMMAND --help lists the options)\n\n"
        f"Batch sequence tagging on ordinary CPUs.\n\n{commands}\n\n"
        "Every command takes --json: one machine-readable summary on stdout, all else on stderr.\n"
        "Exit codes: 0 done, 1 failure, 2 usage, 3 bad data, 4 integrity, 5 locked, 130 and 143 signals\n"
        f"What runs produce goes to {environment.home()} (ELMAN_HOME)."
    )


def _parse(name: str, command: Command, arguments: list[str]) -> tuple[Any, bool]:
    """Read the config of a command and whether its summary is wanted as JSON; usage errors exit with 2."""
    import tyro

    config_class: Any = getattr(importlib.import_module(f"elman.flows.{command.module}"), command.config)

    def read(config, json=False):  # type: ignore[no-untyped-def]  # annotated below, the class is known only now
        return config, json

    read.__annotations__ = {"config": Annotated[config_class, tyro.conf.OmitArgPrefixes], "json": bool}
    read.__doc__ = f"""{config_class.__doc__}

    Args:
        config: of this command.
        json: print one machine-readable summary on stdout.
    """
    parsed: tuple[Any, bool] = tyro.cli(
        read, prog=f"elman {name}", args=arguments, config=(tyro.conf.FlagCreatePairsOff,)
    )
    return parsed


def _choose_prefect(command: Command, arguments: list[str]) -> None:
    """Decide, before a flow module is imported, whether its flows are Prefect's."""
    if not command.in_prefect or {"-h", "--help"} & set(arguments):
        orchestration.run_without_prefect()
        return
    reason = orchestration.why_no_prefect()
    if reason:
        orchestration.run_without_prefect()
        print_status(f"Not recorded in Prefect: {reason}.")


def _run(name: str, command: Command, arguments: list[str]) -> int:
    _choose_prefect(command, arguments)
    config, as_json = _parse(name, command, arguments)
    if command.keeps and not getattr(config, "plan", False):
        environment.check_home()
    if command.computes and environment.kernels_missing():
        print_status(
            "The first run compiles its kernels for this machine, once: that takes up to a minute more."
        )
    flow = getattr(importlib.import_module(f"elman.flows.{command.module}"), command.flow)
    result = orchestration.call(flow, config) if command.in_prefect else flow(config)
    summary = plain(result)
    _show(name, json.dumps(summary, ensure_ascii=False) if as_json else command.text(result))
    return int(summary.get("exit_code", 0))


def _show(name: str, text: str) -> None:
    """Print a summary; the work is done, whether or not somebody reads what came of it."""
    try:
        if sys.stdout is None:  # closed before we began
            raise BrokenPipeError
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter fails to flush at its end
        print_status(f"elman {name}: done; stdout is closed, so its summary is not shown.")


def _open_standard_streams() -> None:
    """Open those that are closed on nothing, lest a file of ours gets their number and others write there."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (as long as the process)


def plain(result: Any) -> dict[str, Any]:
    """The result of a flow as plain values for JSON."""
    values: dict[str, Any] = result if isinstance(result, dict) else result.to_json()
    return values


def render(summary: dict[str, Any]) -> str:
    """A summary for a person: one line a value, nested tables indented; control characters made visible."""

    def show(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{k} {show(v)}" for k, v in value.items())
        text = f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        return without_controls(text)

    def lines(table: dict[str, Any], indent: str) -> list[str]:
        width = max((len(str(key)) for key in table), default=0)
        out = []
        for key, value in table.items():
            if (
                isinstance(value, dict)
                and value
                and not any(isinstance(v, dict | list) for v in value.values())
            ):
                value = "  ".join(f"{k} {show(v)}" for k, v in value.items())  # noqa: PLW2901
            if isinstance(value, dict) and value:
                out += [f"{indent}{key}", *lines(value, indent + "  ")]
            elif isinstance(value, list) and value:
                items = ["  ".join(map(show, v.values())) if isinstance(v, dict) else show(v) for v in value]
                out += [f"{indent}{key}", *(f"{indent}  {item}" for item in items)]
            elif value not in (None, [], {}):
                out.append(f"{indent}{show(key):<{width}}  {show(value)}")
        return out

    return "\n".join(lines(summary, ""))


def _keep_traceback(name: str) -> str:
    """Where the traceback is kept, or why it is not: the home's disk may be what is full."""
    folder = environment.home() / "crashes"
    path = folder / f"{time.strftime('%Y%m%dT%H%M%S')}-{name}-{os.getpid()}.txt"
    trace = traceback.format_exc()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(trace, encoding="utf-8")
    except OSError as error:
        return f"not kept, {folder}: {error.strerror}"
    return str(path)


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after the program's name; those of the process by default.

    Returns:
        The exit code: 0 done, 1 failure, 2 usage, 3 bad data, 4 integrity, 5 locked, 130 / 143 on signals.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0 if arguments else EXIT_USAGE
    name = arguments[0]
    if name not in COMMANDS:
        print_status(f"elman: expected one of {', '.join(COMMANDS)}. Got {name!r}. See elman --help.")
        return EXIT_USAGE
    _open_standard_streams()
    try:
        os.getcwd()
    except FileNotFoundError:
        print_status(f"elman {name}: the working directory is gone. Change to a folder that exists.")
        return EXIT_FAILURE
    environment.prepare()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run(name, COMMANDS[name], arguments[1:])
    except ElmanError as error:
        print_status(f"elman {name}: {error}")
        return error.exit_code
    except (KeyboardInterrupt, Terminated) as stop:
        return _stopped(name, stop)
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print_status(f"elman {name}: {where}{error.strerror or error}. Details: {_keep_traceback(name)}")
        return EXIT_FAILURE
    except Exception as error:
        raised = unwrapped(error)
        if isinstance(raised, KeyboardInterrupt | Terminated):
            return _stopped(name, raised)
        print_status(f"elman {name}: {type(error).__name__}: {error}. Details: {_keep_traceback(name)}")
        return EXIT_FAILURE


def _stopped(name: str, stop: BaseException) -> int:
    """Report that a signal stopped the command; return its exit code."""
    word, number = (
        ("terminated", signal.SIGTERM) if isinstance(stop, Terminated) else ("interrupted", signal.SIGINT)
    )
    print_status(f"elman {name}: {word}; the same command goes on where it stopped.")
    return 128 + number


if __name__ == "__main__":
    sys.exit(main())

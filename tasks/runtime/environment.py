"""Where runs keep what they produce; settings that keep Prefect, MLflow and Ray quiet, offline and safe.

Imported before Prefect, MLflow, NumPy or Numba: they read these settings when they are imported.
"""

import atexit
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import elman
from elman.data.errors import ElmanError

CHECKOUT = Path(__file__).resolve().parents[2]

# Ours to set, not the user's: no telemetry, nothing unpickled, no server thrown up behind a command's back.
FIXED = {
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    "PREFECT_CLI_PROMPT": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# One thread a BLAS pool: fork-join threads collapse on a busy core; our parallelism is over whole batches.
DEFAULTS = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # errors are ours to tell, without a traceback
    "PREFECT_CLIENT_MAX_RETRIES": "1",  # a server that died must not hold the work up; 5 cost two minutes
    "PREFECT_API_REQUEST_TIMEOUT": "15",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


LOOPBACK = ("127.0.0.1", "localhost")


def home() -> Path:
    """Folder of everything that runs produce.

    `ELMAN_HOME`; by default `var/` in the checkout, or `.elman` in the user's home for an installed wheel; in
    the working directory for a user without one.
    """
    named = os.environ.get("ELMAN_HOME")
    if named:
        return Path(named).resolve()
    if (CHECKOUT / "pyproject.toml").is_file():
        return CHECKOUT / "var"
    try:
        return Path.home().resolve() / ".elman"
    except RuntimeError:  # a container's user without a name
        return Path(".elman").resolve()


def why_not_writable(folder: Path) -> str | None:
    """Return why nothing can be written in a folder, which need not exist yet; None if it can."""
    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if not existing.is_dir():
        return f"{existing} is not a folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} may not be written by this user"
    return None


def check_home() -> None:
    """Check that runs can keep what they produce, before they begin.

    Raises:
        ElmanError: they cannot; says why and what to do.
    """
    reason = why_not_writable(home())
    if reason:
        raise ElmanError(
            f"{home()}: expected a folder to keep what runs produce. Got one that cannot be used: {reason}. "
            "Set ELMAN_HOME to a folder of your own."
        )


def temporary_parent() -> Path:
    """Folder for temporary folders: in the home, or the system's where the home may not be written."""
    if why_not_writable(home()):
        return Path(tempfile.gettempdir())
    parent = home() / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def client_settings() -> Path:
    """The file `elman up` leaves for clients of its servers, as lines `export NAME=value`."""
    return home() / "servers" / "env"


def kernel_cache(base: Path) -> Path:
    """Where compiled kernels are kept, for all processes.

    Numba compiles a kernel again when its own file changes; kernels of several files have these inlined.
    """
    names = ("fast_math.py", "jit.py", "matmul.py", "tiles.py")
    files = (
        *(CHECKOUT / "rnn" / "compute" / name for name in names),
        CHECKOUT / "rnn" / "layers" / "recurrent_kernels.py",
    )
    inlined = b"".join(file.read_bytes() for file in files)
    return base / "numba" / hashlib.sha256(inlined).hexdigest()[:16]


def _temporary_folder() -> Path:
    """Return a new folder for kernels that goes when this process ends."""
    folder = tempfile.mkdtemp(prefix="elman-kernels-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def find_kernel_cache() -> None:
    """Set where kernels are kept for a process that loads a model only, unless that is set.

    In the home, if there is one, with those of the command line; else where Numba puts them by itself, unless
    it can write nowhere, which it takes for an error.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    if home().is_dir() and not why_not_writable(home()):
        os.environ["NUMBA_CACHE_DIR"] = str(kernel_cache(home()))
        return
    of_user = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "numba"
    beside_the_code = CHECKOUT / "rnn" / "compute" / "__pycache__"
    if why_not_writable(of_user.absolute()) and why_not_writable(beside_the_code):
        os.environ["NUMBA_CACHE_DIR"] = str(kernel_cache(_temporary_folder()))


def command_of(module: str) -> tuple[str, ...]:
    """Command that calls `main` of a module of ours, whatever modules lie in the working directory."""
    root = str(Path(elman.__file__).parent.parent)
    return (
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {root!r}); from {module} import main; main()",
    )


def kernels_missing() -> bool:
    """Return True if no kernel has been compiled yet."""
    return next(Path(os.environ["NUMBA_CACHE_DIR"]).glob("**/*.nbi"), None) is None


def kernels_compiled() -> int:
    """Number of kernels in the cache, each for one combination of types."""
    return sum(1 for _ in Path(os.environ["NUMBA_CACHE_DIR"]).glob("**/*.nbc"))


def prepare() -> None:
    """Set what Prefect, MLflow, NumPy and Numba read when they are imported; call it first."""
    os.environ.update(FIXED)
    defaults = dict(DEFAULTS)
    if os.access(client_settings(), os.R_OK):  # another user's servers are none of ours
        lines = client_settings().read_text(encoding="utf-8").splitlines()
        defaults |= dict(shlex.split(line)[1].split("=", 1) for line in lines)
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    for name in ("NO_PROXY", "no_proxy"):  # the servers of `elman up` are never reached by way of a proxy
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, *LOOPBACK]))
    os.environ.setdefault("PREFECT_HOME", str(home() / "prefect"))
    if "NUMBA_CACHE_DIR" not in os.environ:
        base = _temporary_folder() if why_not_writable(home()) else home()
        os.environ["NUMBA_CACHE_DIR"] = str(kernel_cache(base))


@functools.cache
def git_commit() -> str | None:
    """Commit of the checkout that runs; None for an installed wheel, or without git."""
    if not (CHECKOUT / ".git").exists():
        return None
    command = ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def enter_checkout() -> dict[str, str]:
    """Change to the folder of prefect.yaml, which the entry points of deployments count from; a pull step.

    Returns:
        directory, as Prefect expects of a pull step.
    """
    os.chdir(CHECKOUT)
    return {"directory": str(CHECKOUT)}


def cores() -> int:
    """Number of threads that may work at once on this machine."""
    return os.cpu_count() or 1

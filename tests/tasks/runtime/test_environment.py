"""Home of what runs produce, and addresses of the servers of this machine."""

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from elman.data.errors import ElmanError
from elman.tasks.runtime import environment
from elman.tasks.runtime.orchestration import why_no_prefect


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def test_loopback_is_reached_past_any_proxy(home, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # one that never answers
    monkeypatch.setenv("no_proxy", "intranet.example")
    monkeypatch.delenv("NO_PROXY", raising=False)
    environment.prepare()
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
        assert why_no_prefect() is None
        server.shutdown()


def test_settings_of_the_servers_are_defaults_also_with_spaces_in_them(home, monkeypatch):
    environment.client_settings().parent.mkdir(parents=True)
    environment.client_settings().write_text(
        "export PREFECT_HOME='/a b/prefect'\nexport PREFECT_API_URL=http://x/api\n"
    )
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    monkeypatch.setenv("PREFECT_API_URL", "http://mine/api")
    environment.prepare()
    assert (os.environ["PREFECT_HOME"], os.environ["PREFECT_API_URL"]) == ("/a b/prefect", "http://mine/api")


def test_a_home_that_is_no_folder_is_refused_and_one_to_be_made_is_not(home, monkeypatch):
    environment.check_home()
    home.write_text("in the way")
    with pytest.raises(ElmanError, match="is not a folder"):
        environment.check_home()


def test_kernels_go_to_a_folder_of_the_process_where_the_home_cannot_be_written(home, monkeypatch):
    home.write_text("in the way")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    environment.prepare()
    kernels = Path(os.environ["NUMBA_CACHE_DIR"])
    assert not kernels.is_relative_to(home)
    assert not environment.why_not_writable(kernels)


def test_a_model_is_loaded_with_kernels_of_the_command_line_or_where_something_can_be_written(
    home, monkeypatch
):
    """Numba takes it for an error if it can write nowhere."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    environment.find_kernel_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ  # no home yet, Numba finds a place by itself
    home.mkdir()
    environment.find_kernel_cache()
    assert Path(os.environ["NUMBA_CACHE_DIR"]).is_relative_to(home)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(environment, "why_not_writable", lambda folder: "read-only")
    environment.find_kernel_cache()
    assert "elman-kernels-" in os.environ["NUMBA_CACHE_DIR"]


def test_a_user_without_a_home_keeps_runs_in_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("ELMAN_HOME", raising=False)
    monkeypatch.setattr(environment, "CHECKOUT", tmp_path / "site-packages" / "elman")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    monkeypatch.chdir(tmp_path)
    assert environment.home() == tmp_path / ".elman"


def test_a_pull_step_enters_the_checkout(monkeypatch, tmp_path, checkout):
    monkeypatch.chdir(tmp_path)
    assert environment.enter_checkout() == {"directory": str(checkout)}
    assert Path.cwd() == checkout

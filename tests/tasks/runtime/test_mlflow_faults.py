"""Servers of MLflow that are slow, fail, are locked or stop in mid-run: each run reaches them once, whole."""

import contextlib
import fcntl
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest

from elman.tasks.runtime import mlflow_sync, run_record
from tests.shown_runs import client, record_one, sent_runs


@contextmanager
def answering_500(after_s: float = 0.0):
    """A server that answers every call with the status 500."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self):
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline and self.parse_request():
                time.sleep(after_s)
                self.close_connection = True
                self.send_error(500)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_that_fails_slowly_holds_no_epoch_up_and_the_run_is_sent_later_once(
    tracked_home, monkeypatch, capsys
):
    longest = 0.0
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with answering_500(after_s=1.0) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with mlflow_sync.record_run("train", "while failing", {}) as recorder:
            for epoch in range(30):
                began = time.thread_time()
                recorder.log_progress({"loss": 1.0}, epoch)
                longest = max(longest, time.thread_time() - began)
    assert longest < 0.05
    assert run_record.read(recorder.run.id).info.status == "FINISHED"
    assert "to be sent later" in capsys.readouterr().err
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert mlflow_sync.send_pending() == 0
    (shown,) = sent_runs()
    assert len(client().get_metric_history(shown.info.run_id, "loss")) == 30


@pytest.mark.slow
def test_a_locked_database_holds_no_epoch_up_and_the_run_is_sent_later_once(tracked_home, capsys):
    record_one("first")  # the database is open
    lock = sqlite3.connect(tracked_home / "mlflow" / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    longest = 0.0
    with mlflow_sync.record_run("train", "locked out", {}) as recorder:
        for epoch in range(20):
            began = time.monotonic()
            recorder.log_progress({"loss": 1.0}, epoch)
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.1)
    assert "to be sent later" in capsys.readouterr().err
    lock.execute("ROLLBACK")
    lock.close()
    assert longest < 0.5  # a busy machine's; bench/mlflow_logging.py measures it
    assert mlflow_sync.send_pending() == 0
    assert sorted(run.info.run_name for run in sent_runs()) == ["first", "locked out"]
    (shown,) = (run for run in sent_runs() if run.info.run_name == "locked out")
    assert len(client().get_metric_history(shown.info.run_id, "loss")) == 20


def test_two_commands_that_send_the_same_run_make_one(tracked_home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    run = record_one()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with open(run.folder / ".sending", "wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        mlflow_sync.send_pending()
        assert sent_runs() == []
    assert mlflow_sync.send_pending() == 0
    assert len(sent_runs()) == 1


@contextmanager
def mlflow_server(home):
    """A real MLflow server of a home, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = f"sqlite:///{home / 'mlflow' / 'mlflow.db'}"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--port", str(port)]
    command += ["--artifacts-destination", str(home / "mlflow" / "served"), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            assert process.poll() is None
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", process
    finally:
        for child in [*psutil.Process(process.pid).children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.kills
def test_a_real_server_that_is_stopped_in_mid_run_gets_every_point_once(tracked_home, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(mlflow_sync, "FLUSH_EVERY_S", 0.2)
    with mlflow_server(tracked_home) as (address, process):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with mlflow_sync.record_run("train", "half sent", {}) as recorder:
            recorder.log_progress({"loss": 1.0}, 0)
            while recorder.run.info.mlflow_run_id is None:
                time.sleep(0.1)
            recorder.log_progress({"loss": 0.5}, 1)
            for child in [*psutil.Process(process.pid).children(recursive=True), process]:
                child.kill()
            for epoch in range(2, 30):
                recorder.log_progress({"loss": 1 / epoch}, epoch)
    assert "to be sent later" in capsys.readouterr().err
    with mlflow_server(tracked_home) as (address, _):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert mlflow_sync.send_pending() == 0
        (shown,) = sent_runs()
        assert shown.info.status == "FINISHED"
        assert [point.step for point in client().get_metric_history(shown.info.run_id, "loss")] == [
            *range(30)
        ]


@contextmanager
def delayed(address, by_s):
    """A server that passes each call on to another one after some seconds."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self):
            self.raw_requestline = self.rfile.readline(65537)
            self.close_connection = True
            if self.raw_requestline and self.parse_request():
                self.pass_on()

        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: self.headers[name] for name in ("Content-Type", "Accept") if name in self.headers}
            time.sleep(by_s)
            call = urllib.request.Request(address + self.path, body or None, kept, method=self.command)
            try:
                answer = urllib.request.urlopen(call)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                data = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            calls.append(self.path)

        def log_message(self, *args):
            pass

    calls = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.slow
@pytest.mark.kills
def test_a_real_server_that_takes_5_s_a_call_holds_no_epoch_up_and_gets_every_point_once(
    tracked_home, monkeypatch
):
    longest = 0.0
    with mlflow_server(tracked_home) as (address, _), delayed(address, by_s=5.0) as (slow, calls):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", slow)
        with mlflow_sync.record_run("train", "sent slowly", {"epochs": 30}) as recorder:
            for epoch in range(30):
                began = time.thread_time()
                recorder.log_progress({"loss": 1.0}, epoch)
                longest = max(longest, time.thread_time() - began)
                time.sleep(0.5)
        assert longest < 0.05
        assert len(calls) > 5
        assert run_record.read(recorder.run.id).info.sent
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        (shown,) = sent_runs()
        assert shown.info.status == "FINISHED"
        points = client().get_metric_history(shown.info.run_id, "loss")
        assert [point.step for point in points] == [*range(30)]

# syntax=docker/dockerfile:1
# Elman and its environment, from the hashes of requirements.lock. Built nowhere so far: tests/test_dockerfile.py runs the
# steps that install. For a single command (`docker run elman tag ...`) or a worker of Prefect (docs/kubernetes.md).
FROM python:3.11-slim-bookworm AS build
ENV UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS=1 \
    UV_LINK_MODE=copy \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE prefect.yaml ./
# uv comes from the lock by pip, and then installs the rest
RUN python3 -m venv /opt/elman \
 && sed -n '/^uv==/,/[^\\]$/p' requirements.lock > /opt/elman/uv.lock \
 && /opt/elman/bin/python -m pip install --quiet --no-cache-dir --require-hashes --no-deps -r /opt/elman/uv.lock
RUN VIRTUAL_ENV=/opt/elman /opt/elman/bin/uv pip sync --quiet --require-hashes requirements.lock
COPY elman ./elman
COPY data ./data
COPY rnn ./rnn
COPY tasks ./tasks
COPY flows ./flows
RUN VIRTUAL_ENV=/opt/elman /opt/elman/bin/uv pip install --quiet --no-deps --no-build-isolation --offline --editable .

FROM python:3.11-slim-bookworm
COPY --from=build /opt/elman /opt/elman
COPY --from=build /app /app
ENV PATH=/opt/elman/bin:$PATH \
    ELMAN_HOME=/var/lib/elman \
    PYTHONUNBUFFERED=1
RUN useradd --system --uid 10001 --create-home elman \
 && install --directory --owner elman /var/lib/elman
USER elman
WORKDIR /var/lib/elman
VOLUME /var/lib/elman
ENTRYPOINT ["elman"]
CMD ["--help"]

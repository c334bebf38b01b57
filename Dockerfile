# docs/container.md says how to build and run it.
FROM python:3.13-slim-trixie@sha256:ffb752e139c0a19692a43af8d8523b274222dd68eebad5d583b45c2201c6e30a AS build
WORKDIR /src
COPY requirements-build.lock ./
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY dlsync dlsync
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.13-slim-trixie@sha256:ffb752e139c0a19692a43af8d8523b274222dd68eebad5d583b45c2201c6e30a
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="dlsync" \
      org.opencontainers.image.description="GitOps for monitoring: dashboards, alert rules and plugins as files in git" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# the wheel and the lock file are mounted, so that no layer keeps them
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    --mount=type=bind,source=requirements-server.lock,target=/requirements-server.lock \
    pip install --no-cache-dir --no-deps --require-hashes --requirement /requirements-server.lock \
    && pip install --no-cache-dir --no-deps /wheels/*.whl \
    && useradd --no-log-init --create-home --uid 10001 dlsync \
    && install --directory --owner 10001 --group 10001 /data
USER 10001:10001
WORKDIR /repo
VOLUME /data
EXPOSE 8080
# for `serve`, whose database takes a write; of other commands it says nothing
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import http.client as http; server = http.HTTPConnection('127.0.0.1', 8080, timeout=4); server.request('GET', '/readyz'); raise SystemExit(server.getresponse().status != 200)"]
ENTRYPOINT ["dlsync"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--db", "/data/dlsync.db"]

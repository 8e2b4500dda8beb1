# The worker (and every other command) of riskwatch, from uv.lock. Build and runtime share one base, so that the environment
# made in the first runs in the second.

FROM python:3.12-slim AS build
RUN pip install --no-cache-dir uv
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/riskwatch
WORKDIR /build
# Dependencies first: they change seldom, and a change of the source alone reuses their layer.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project
COPY README.md LICENSE ./
COPY src src
RUN uv sync --locked --no-dev --no-editable

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/riskwatch --create-home riskwatch
COPY --from=build /opt/riskwatch /opt/riskwatch
# The kernel is compiled for the machine's own processor at the first start; the volume keeps it for the next.
ENV PATH=/opt/riskwatch/bin:$PATH PYTHONUNBUFFERED=1 NUMBA_CACHE_DIR=/var/lib/riskwatch/numba \
    RISKWATCH_DATA_DIR=/var/lib/riskwatch
USER riskwatch
WORKDIR /var/lib/riskwatch
VOLUME /var/lib/riskwatch
EXPOSE 9108
STOPSIGNAL SIGTERM
ENTRYPOINT ["riskwatch"]
CMD ["worker"]

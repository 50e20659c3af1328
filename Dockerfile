# One image for the launcher and for the workers, of Dataflow and of Flink's worker pools:
#   docker build --target cpu -t IMAGE .      docker build --target gpu -t IMAGE-gpu .
# Everything that a job needs is inside, in locked and hashed versions; nothing is fetched when a container starts.

# What starts a worker's Python; the release of the lock's apache-beam.
ARG BEAM=apache/beam_python3.11_sdk:2.77.0
# What starts a flex template's launch. Google tags it by date: name the digest that you tested.
ARG LAUNCHER=gcr.io/dataflow-templates-base/python311-template-launcher-base:latest
FROM ${BEAM} AS beam
FROM ${LAUNCHER} AS launcher

FROM python:3.11-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1
# Without it Beam makes a virtual environment at each start.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/screening/launch.py
# Workers stage files below the first folder, a template's launcher logs to the second.
RUN useradd --uid 10001 --create-home screening \
    && install -d -o screening -g screening /var/opt/google /var/log/dataflow/template_launcher
ENV HOME=/home/screening
COPY --from=beam /opt/apache/beam/boot /opt/apache/beam/boot
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY pipelines/templates/launch.py pipelines/templates/entrypoint.sh /opt/screening/
WORKDIR /opt/screening/source
ENTRYPOINT ["/opt/screening/entrypoint.sh"]

FROM base AS cpu-libraries
COPY requirements-cpu.lock .
RUN pip install --no-deps --only-binary :all: --require-hashes -r requirements-cpu.lock

# CUDA 13 and cuDNN come with the lock; the driver, 580 or newer, is the host's, which mounts it here.
FROM base AS gpu-libraries
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENV LD_LIBRARY_PATH=/usr/local/nvidia/lib64:/usr/local/nvidia/lib
COPY requirements-gpu.lock .
RUN pip install --no-deps --only-binary :all: --require-hashes -r requirements-gpu.lock

FROM cpu-libraries AS cpu
ARG RUN_AS=10001
COPY pyproject.toml README.md LICENSE ./
COPY screening screening
COPY pipelines pipelines
RUN pip install --no-deps --no-build-isolation . && rm -rf /opt/screening/source/*
# Loads the bundles and the policy that ship, names the engine, finds libseccomp: what can't run does not become an image.
RUN python -c "import pyseccomp; from screening.settings import load_settings; load_settings(engine='openvino', precision='bf16', here=False)"
USER ${RUN_AS}

FROM gpu-libraries AS gpu
ARG RUN_AS=10001
COPY pyproject.toml README.md LICENSE ./
COPY screening screening
COPY pipelines pipelines
RUN pip install --no-deps --no-build-isolation . && rm -rf /opt/screening/source/*
RUN python -c "import pyseccomp; from screening.settings import load_settings; load_settings(engine='cuda', precision='fp16', here=False)"
USER ${RUN_AS}

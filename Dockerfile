# Airflow with this project and everything it needs, in the versions of constraints.txt.
#
# The slim image has Airflow and nothing else, so that all packages come from our one constraints file;
# the full image brings several hundred of its own, in other versions.
FROM apache/airflow:slim-3.3.2-python3.12

WORKDIR /opt/airflow
COPY --chown=airflow:0 requirements.txt requirements-docker.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt -r requirements-docker.txt -c constraints.txt

# Linked, not copied into site-packages: docker-compose.yaml mounts ./include here, so a change needs no new image.
COPY --chown=airflow:0 pyproject.toml README.md ./
COPY --chown=airflow:0 include include
COPY --chown=airflow:0 dags dags
COPY --chown=airflow:0 plugins plugins
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && pip check

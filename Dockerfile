# The same program in a container: one image for the web process and the worker. See docker-compose.yml.
FROM node:22-bookworm-slim AS pages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM python:3.11-slim-bookworm
# GDAL, GEOS and PROJ for Django; gettext compiles the translations.
RUN apt-get update \
 && apt-get install -y --no-install-recommends gdal-bin gettext \
 && rm -rf /var/lib/apt/lists/*
# The account has a fixed number: the database container lets this number read the password both share.
RUN useradd --system --uid 10001 --user-group --create-home gridmap
WORKDIR /app
COPY requirements/run.lock requirements/run.lock
RUN pip install --no-cache-dir --require-hashes --requirement requirements/run.lock
COPY --from=pages /app/node_modules node_modules
COPY . .
RUN for catalogue in gridmap/locale/*/LC_MESSAGES/*.po; do \
      [ ! -e "$catalogue" ] || msgfmt --check-format -o "${catalogue%.po}.mo" "$catalogue"; \
    done \
 && mkdir -p .local/files \
 && chown -R gridmap:gridmap .local
# The compiler's work is done here, so that nobody waits for it; the machine code lies beside the source.
RUN python -m boundaries.bulk.warm
USER gridmap
# Collected once here; the key only lets the settings load and is not kept.
RUN GRIDMAP_SECRET_KEY=building DATABASE_URL=postgres://nobody@nowhere/nothing python manage.py collectstatic --no-input
EXPOSE 8000
CMD ["python", "-m", "scripts.container", "web"]

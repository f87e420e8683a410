"""How static files are served: hashed names, compressed once, imports between ES modules rewritten too."""

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Whitenoise's storage with ES module imports followed."""

    support_js_module_import_aggregation = True
    # A name that is missing from the manifest is a mistake to be seen in development and survived in service.
    manifest_strict = False


class StaticFiles(StaticFilesConfig):
    """Django's static files, without what the npm packages carry besides the files a browser loads."""

    ignore_patterns: list[str] = [
        *StaticFilesConfig.ignore_patterns,
        "*.cjs*",
        "*.d.ts",
        "*.d.cts",
        # htmx's extensions import it by a path that leads nowhere, which would stop the hashing of names.
        "ext/*.js",
        "django_htmx/ext/*.js",
    ]

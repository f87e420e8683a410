"""How static files are served: hashed names, compressed once, imports between ES modules rewritten too."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage with ES module imports followed."""

    support_js_module_import_aggregation = True
    # A name that is missing from the manifest is a mistake to be seen in development and survived in service.
    manifest_strict = False

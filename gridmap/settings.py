"""Settings. Everything that differs between installations comes from the environment, or else from the
installation's own file `.local/env` (KEY=VALUE lines, readable by its owner only, written by `make up`)."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def _installation() -> dict[str, str]:
    """Values of this installation; the real environment wins over the file."""
    values: dict[str, str] = {}
    path = Path(os.environ.get("GRIDMAP_ENV_FILE", BASE_DIR / ".local" / "env"))
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            key, separator, value = line.partition("=")
            if separator and not key.lstrip().startswith("#"):
                values[key.strip()] = value.strip()
    return values | dict(os.environ)


ENV = _installation()


def _flag(name: str, default: bool = False) -> bool:
    return ENV.get(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def _required(name: str) -> str:
    if value := ENV.get(name):
        return value
    raise ImproperlyConfigured(
        f"{name} is not set. `make up` writes it to .local/env; in a container, set it in the environment."
    )


SECRET_KEY = _required("GRIDMAP_SECRET_KEY")
DEBUG = _flag("GRIDMAP_DEBUG")
TOWN = ENV.get("GRIDMAP_TOWN", "empty")
# Opens the first-run page of an installation without an administrator; `manage.py setup_code` makes another.
SETUP_CODE = ENV.get("GRIDMAP_SETUP_CODE", "")
ALLOWED_HOSTS = ENV.get("GRIDMAP_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "gridmap",
    "boundaries",
    "gridmap.admin_config.TownAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "gridmap.storage.StaticFiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.contrib.gis",
    "django_htmx",
    "ninja",
    "leaflet",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "gridmap.api.problems.ProblemMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "gridmap.middleware.ContentSecurity",
    "gridmap.views.password.OwnPasswordFirst",
    "gridmap.middleware.PrivateAnswers",
    "django_htmx.middleware.HtmxMiddleware",
    "gridmap.middleware.NoNul",
]

ROOT_URLCONF = "gridmap.urls"
ASGI_APPLICATION = "gridmap.asgi.application"
WSGI_APPLICATION = "gridmap.wsgi.application"
# Requests that one web process answers at a time, and so its connections. Most wait for the database or for each other.
WEB_THREADS = int(ENV.get("GRIDMAP_WEB_THREADS", "12"))

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "gridmap.views.context.town",
            ],
        },
    }
]

# --- Database -------------------------------------------------------------------------------------------------
# DATABASE_URL is the application's role; commands that create tables run with the owner's URL in its place.
_database = dj_database_url.parse(_required("DATABASE_URL"), engine="django.contrib.gis.db.backends.postgis")
# The threads that answer requests last, and each keeps its connection: gridmap/serving.py.
_database["OPTIONS"] = {
    **_database.get("OPTIONS", {}),
    # Lets boundaries.prepared keep plans; Django's own cursors bind on the client and are not affected.
    "prepare_threshold": 5,
}
_database["CONN_MAX_AGE"] = None
_database["TEST"] = {"TEMPLATE": ENV.get("GRIDMAP_TEST_TEMPLATE") or None}
DATABASES = {"default": _database}

# --- People who sign in ---------------------------------------------------------------------------------------
AUTH_USER_MODEL = "gridmap.User"
AUTHENTICATION_BACKENDS = ["gridmap.permissions.GridmapBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_ENGINE = "gridmap.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- Transport ------------------------------------------------------------------------------------------------
# GRIDMAP_HTTPS=1 is the setting for production; without it the office's loopback installation works over http.
HTTPS = _flag("GRIDMAP_HTTPS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = [origin for origin in ENV.get("GRIDMAP_ORIGINS", "").split(",") if origin]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# How many proxies in front of the service may be believed about the visitor's address.
TRUSTED_PROXIES = int(ENV.get("GRIDMAP_TRUSTED_PROXIES", "0"))

# The system's GDAL reads nothing that people send: docs/decisions/0011-system-gdal.md.
SILENCED_SYSTEM_CHECKS = ["gis.W001"]

# --- Language and time ----------------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "gridmap" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = ["gridmap.formats"]

# --- Files ----------------------------------------------------------------------------------------------------
NODE_MODULES = BASE_DIR / "node_modules"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".local" / "static"
STATICFILES_DIRS = [
    ("vendor/htmx", NODE_MODULES / "htmx.org" / "dist"),
    ("vendor/protomaps-leaflet", NODE_MODULES / "protomaps-leaflet" / "dist"),
    ("vendor/terra-draw", NODE_MODULES / "terra-draw" / "dist"),
    ("vendor/terra-draw-leaflet-adapter", NODE_MODULES / "terra-draw-leaflet-adapter" / "dist"),
    ("vendor/polyclip-ts", NODE_MODULES / "polyclip-ts" / "dist" / "esm"),
    ("vendor/bignumber.js", NODE_MODULES / "bignumber.js"),
    ("vendor/splaytree-ts", NODE_MODULES / "splaytree-ts" / "dist" / "esm"),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "gridmap.storage.StaticStorage"},
}
# Uploads lie outside every folder that is served.
MEDIA_ROOT = Path(ENV.get("GRIDMAP_FILES", BASE_DIR / ".local" / "files"))
MEDIA_URL = ""
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
IMPORT_MAX_BYTES = 512 * 1024 * 1024
# Uploaded files are deleted after this many days.
IMPORT_KEEP_DAYS = int(ENV.get("GRIDMAP_IMPORT_KEEP_DAYS", "7"))
# What any page takes; the page for imports sets the large handler after it knows who sends: gridmap/uploads.py.
UPLOAD_MAX_BYTES = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["gridmap.uploads.SmallUploadHandler"]

# --- Maps -----------------------------------------------------------------------------------------------------
LEAFLET_CONFIG = {
    # No foreign tiles: the town's own ground is the default map.
    "TILES": [],
    "DEFAULT_CENTER": (30.7, 103.835),
    "DEFAULT_ZOOM": 14,
    "MIN_ZOOM": 9,
    "MAX_ZOOM": 20,
    "RESET_VIEW": False,
    "ATTRIBUTION_PREFIX": "",
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_MEMORY = "django.core.cache.backends.locmem.LocMemCache"
CACHES = {
    "default": {"BACKEND": _MEMORY, "LOCATION": "gridmap"},
    # Counts of public calls, apart so that nothing else pushes them out.
    "rates": {"BACKEND": _MEMORY, "LOCATION": "rates", "OPTIONS": {"MAX_ENTRIES": 100_000}},
}

# Where residents reach this installation, for the codes on notice boards: https://grid.example.gov.cn
PUBLIC_URL = ENV.get("GRIDMAP_PUBLIC_URL", "").rstrip("/")

# Requests a minute that one visitor without a login may make to the public API and pages.
PUBLIC_RATE = ENV.get("GRIDMAP_PUBLIC_RATE", "120/m")

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    # One line a refused call would let the public fill the log.
    "filters": {
        "turned_away": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", None) != 429,
        }
    },
    "loggers": {"django.request": {"filters": ["turned_away"]}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": ENV.get("GRIDMAP_LOG_LEVEL", "WARNING")},
}

if urlsplit(ENV["DATABASE_URL"]).scheme not in {"postgres", "postgresql", "postgis"}:
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database with PostGIS.")

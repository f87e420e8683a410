"""The service as an ASGI application."""

import os

from gridmap.serving import threaded_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridmap.settings")
application = threaded_application()

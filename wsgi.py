"""What gunicorn imports."""

import sys

from app import create_app
from config.errors import ConfigError

APP_LOAD_ERROR = 4
"""With this exit code of a worker gunicorn stops, and does not try again and again."""

try:
    app = create_app()
except ConfigError as error:
    print(error, file=sys.stderr)
    sys.exit(APP_LOAD_ERROR)

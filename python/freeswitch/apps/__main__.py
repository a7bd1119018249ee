"""`python -m freeswitch.apps`."""

from freeswitch.apps.command import main

raise SystemExit(main())

"""`python -m xlkb COMMAND …`, the same as `xlkb COMMAND …`."""

from xlkb.commands import main

raise SystemExit(main())

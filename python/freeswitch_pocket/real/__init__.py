"""A real FreeSWITCH in the place of pocket, for `pytest --switch=freeswitch`."""

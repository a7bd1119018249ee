//! Python inside FreeSWITCH.

"""The front door: what the app is called, and which pages it has.

``streamlit run`` imports this file to serve it, and then runs it for each visit.
"""

from __future__ import annotations

import streamlit as st

from studio.common.navigation import clear_away, open_front_door
from studio.server import MIDDLEWARE, lifespan
from unet.errors import ConfigError
from unet.settings import ASSETS, read_settings

if __name__ != "__main__":
    app = st.App(__file__, middleware=MIDDLEWARE, lifespan=lifespan)
else:
    st.set_page_config("U-Net Studio", ASSETS / "icon.svg", layout="wide")
    st.html(ASSETS / "page.css")
    st.logo(ASSETS / "logo.svg", size="large")

    # Loading the secrets, where there are any, puts those at the root into the environment, where settings are read.
    st.secrets.load_if_toml_exists()
    try:
        clear_away(read_settings().home)
    except ConfigError as error:
        st.error(f"{error} Correct the environment variable or the secret, then start the app again.")
        st.stop()

    open_front_door().run()

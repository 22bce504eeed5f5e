"""What the app is, how a U-Net works, and two ways to begin at once."""

from __future__ import annotations

import streamlit as st

from studio.common.empty import ILLUSTRATIONS
from studio.common.navigation import enter
from studio.common.parameters import RUN, SAMPLES
from studio.common.text import plain, told
from studio.common.visitor import SOMEBODY_ELSES, visitor
from studio.home.diagram import show_diagram
from studio.home.quickstart import start_sample_training, why_no_training
from unet.errors import UnetError
from unet.runs.notes import title_of
from unet.runs.run import current_run
from unet.settings import read_settings

enter()
settings = read_settings()
running = current_run(settings)
others = running is not None and not visitor(settings).may_list(running.folder)
page = st.container(horizontal_alignment="center").container(width=1120)

welcome, picture = page.columns([5, 6], gap="large", vertical_alignment="center")

with welcome.container(key="welcome"):
    st.title("Find every nucleus in your images", anchor=False)
    st.markdown(
        "U-Net Studio trains a small neural network to find cell nuclei in microscopy images, from examples that you "
        "give it. You watch it learn epoch by epoch, then let it predict images of your own and set the threshold by "
        "eye. Where it errs, you correct its nuclei, and it learns from that in minutes. Everything stays where the "
        "app runs: no account, and no image sent anywhere else."
    )
    with st.container(horizontal=True):
        train = st.button(
            "See the running training" if running and not others else "Train on a sample dataset",
            type="primary",
            icon=":material/model_training:",
            key="train_sample",
            disabled=others or (why_no_training(settings) is not None and not running),
        )
        predict = st.button("Try a prediction", icon=":material/image_search:", key="try_prediction")

    if train:
        try:
            with st.empty():
                bar = st.progress(0.0, "Getting ready")

                def show(doing: str, share: float) -> None:
                    """Say what is being done."""
                    bar.progress(min(share, 1.0), doing)

                run = start_sample_training(settings, show)
        except (UnetError, OSError) as error:  # a full disk, say
            st.error(f"The training could not be started. {told(error)}", icon=":material/error:")
        else:
            st.switch_page("pages/train.py", query_params={RUN: run.name})
    elif predict:
        st.switch_page("pages/predict.py", query_params={SAMPLES: "1"})
    elif others:
        st.info(SOMEBODY_ELSES, icon=":material/hourglass_top:")
    elif running:
        st.info(
            f"The run “{plain(title_of(running))}” is training. Only one training can run at a time, so the "
            "button takes you to it.",
            icon=":material/hourglass_top:",
        )
    elif why_no_training(settings):
        st.caption(why_no_training(settings))
    else:
        st.caption("The sample dataset is 64 synthetic images, drawn on the spot. Training takes about a minute.")

with picture:
    st.image(
        str(ILLUSTRATIONS / "segmentation.webp"),
        width="stretch",
        alt="Three pictures of the same nuclei side by side: the grey microscope image; the probability map, yellow "
        "where there is a nucleus; and the image with each nucleus in a colour of its own, touching ones separated.",
        caption="A synthetic image, the probability map that the shipped model makes of it (yellow: surely nucleus, "
        "violet: surely background), and the nuclei, each in a colour of its own: those that touch are separated.",
    )

with page:
    st.space("medium")
    st.header("How it works", anchor=False)
    st.markdown(
        "**Segmentation** decides for every pixel what it belongs to: here, nucleus or background. The U-Net gives "
        "each pixel a probability; the pixels above a threshold form the mask. Its pieces are counted as nuclei; a "
        "model that also predicts borders and distances separates nuclei that touch."
    )
    st.page_link(
        "pages/inside.py",
        label="**Look inside a real one, step by step**",
        icon=":material/layers:",
        query_params={"tour": "1"},
    )

diagram, words = page.columns([6, 5], gap="large", vertical_alignment="center")

with diagram:
    show_diagram()
    st.caption(
        "The tutorial's U-Net. Each level is labelled with its pixels and features: 128² × 16 is 128 by 128 pixels "
        "with 16 features each.",
        text_alignment="center",
    )

with words:
    st.markdown(
        "The :blue[**contracting path**] goes down. Convolutions look for edges, spots and textures; after each pair "
        "the image is halved, so that the next pair sees more of the surroundings. At the bottom the network knows "
        "*what* there is, but only roughly *where*."
    )
    st.markdown(
        "The :orange[**expanding path**] goes up again. Each step doubles the image with a transposed convolution, "
        "until it has its first size."
    )
    st.markdown(
        "**Skip connections** hand the fine detail of each level across, from left to right. That is how the outlines "
        "become sharp. A last 1×1 convolution turns the 16 features of each pixel into its probability."
    )
    st.markdown(
        ":small[Ronneberger, Fischer and Brox: [U-Net: Convolutional Networks for Biomedical Image "
        "Segmentation](https://arxiv.org/abs/1505.04597), MICCAI 2015.]"
    )

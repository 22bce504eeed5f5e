// Learning: a film of a layer over the epochs, and one step of a training, looked at closely.

import { filmOf } from "./film.js";
import { stepOf } from "./step.js";

export async function showLearning(stage, panel) {
  const film = await filmOf(stage);
  if (film) panel.replaceChildren(film, stepOf(stage));
}

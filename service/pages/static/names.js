// Tasks, families and classes have names for people in both languages; others are shown as they are.

import { currentLanguage } from "./words.js";

/** @type {Record<string, {en: string, es: string}>} */
const TASKS = {
  digits: { en: "Digits", es: "Dígitos" },
  imagenet: { en: "Photographs", es: "Fotografías" },
  cat_or_automobile: { en: "Cat or car", es: "Gato o auto" },
  cifar10: { en: "Ten things", es: "Diez cosas" },
  breast_cancer: { en: "Tumours", es: "Tumores" },
  wine: { en: "Wines", es: "Vinos" },
  points: { en: "Points", es: "Puntos" },
  tacos: { en: "Tacos", es: "Tacos" },
  diabetes: { en: "Diabetes", es: "Diabetes" },
  digits_origin: { en: "Real or made up", es: "Real o inventado" },
};

/** @type {Record<string, {en: string, es: string}>} */
const FAMILIES = {
  autoencoder: { en: "Autoencoder", es: "Autocodificador" },
  cnn: { en: "CNN", es: "CNN" },
  decision_tree: { en: "Decision tree", es: "Árbol de decisión" },
  discriminator: { en: "Discriminator", es: "Discriminador" },
  efficientnet_lite0: { en: "EfficientNet", es: "EfficientNet" },
  faces: { en: "Faces", es: "Rostros" },
  gan: { en: "GAN", es: "GAN" },
  gradient_boosting: { en: "Gradient boosting", es: "Gradient boosting" },
  kmeans: { en: "k-means", es: "k-medias" },
  knn: { en: "k neighbours", es: "k vecinos" },
  linear: { en: "Linear", es: "Lineal" },
  logistic: { en: "Logistic", es: "Logística" },
  mlp: { en: "MLP", es: "MLP" },
  naive_bayes: { en: "Naive Bayes", es: "Bayes ingenuo" },
  pca: { en: "PCA", es: "PCA" },
  perceptron: { en: "Perceptron", es: "Perceptrón" },
  pretrained: { en: "Pretrained", es: "Preentrenado" },
  random_forest: { en: "Random forest", es: "Bosque aleatorio" },
};

/** @type {Record<string, string>} */
const CLASSES_ES = {
  airplane: "avión", automobile: "automóvil", benign: "benigno", bird: "pájaro", blue: "azul", cat: "gato",
  class_0: "clase 0", class_1: "clase 1", class_2: "clase 2", deer: "ciervo", dog: "perro", frog: "rana",
  generated: "inventado", horse: "caballo", malignant: "maligno", orange: "naranja", real: "real", ship: "barco",
  truck: "camión", unknown: "desconocido",
};

const ORDER = Object.keys(TASKS);

/** @param {string} task */
export function nameTask(task) {
  return TASKS[task]?.[currentLanguage()] ?? spaced(task);
}

/** @param {string} family */
export function nameFamily(family) {
  return FAMILIES[family]?.[currentLanguage()] ?? spaced(family);
}

/** @param {string} name */
export function nameClass(name) {
  return (currentLanguage() === "es" && CLASSES_ES[name]) || spaced(name);
}

/** Puts the tasks that have names first, in their order. @param {string[]} tasks */
export function sortTasks(tasks) {
  const place = (/** @type {string} */ task) => ORDER.includes(task) ? ORDER.indexOf(task) : ORDER.length;
  return [...tasks].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

/** @param {string} name */
function spaced(name) {
  return name.replaceAll("_", " ");
}

// Classes 14 to 27: from images to whom to trust.

/** @type {import("./classes.js").Class[]} */
export const SECOND = [
  {
    en: {
      title: "Preparing images",
      lead: "A photograph becomes 3,072 numbers, and training shows it in many ways.",
      text: ["A network wants all images of one size, as numbers between zero and one, normalised by the mean and the deviation of each colour.",
        "Few photographs become many when each epoch shows them mirrored, moved and partly hidden. That is augmentation: what stays true of the label is taught at no cost. It is done to training images only, never to those that measure."],
    },
    es: {
      title: "Preparar imágenes",
      lead: "Una fotografía se vuelve 3,072 números, y el entrenamiento la muestra de muchas formas.",
      text: ["Una red quiere todas las imágenes de un tamaño, como números entre cero y uno, normalizados con la media y la desviación de cada color.",
        "Pocas fotografías se vuelven muchas si cada época las muestra reflejadas, movidas y en parte ocultas. Eso es aumentar los datos: lo que no cambia la etiqueta se enseña gratis. Se hace solo con imágenes de entrenamiento, nunca con las que miden."],
    },
    command: "veredicto train data cifar10\nveredicto train cnn --task cat_or_automobile --shift 4 --cutout 12",
    models: ["cat_or_automobile-cnn"], demos: ["augment"],
  },
  {
    en: {
      title: "CIFAR-10",
      lead: "Ten classes of small photographs, and a network that must name one of them.",
      text: ["CIFAR-10 has 60,000 photographs of 32 × 32 pixels in ten classes. It is small enough to train on at home, and hard enough that a network without convolution is right on little more than half of them.",
        "The softmax divides the whole probability among the ten. So whatever you show it, it names one: a network does not know what it has never seen. Show it something else and see how sure it is."],
    },
    es: {
      title: "CIFAR-10",
      lead: "Diez clases de fotografías pequeñas, y una red que tiene que nombrar una.",
      text: ["CIFAR-10 tiene 60,000 fotografías de 32 × 32 píxeles en diez clases. Es lo bastante pequeño para entrenar en casa, y lo bastante difícil para que una red sin convolución acierte poco más de la mitad.",
        "La softmax reparte toda la probabilidad entre las diez. Así que, muestres lo que muestres, nombra una: una red no sabe qué es lo que nunca ha visto. Muéstrale otra cosa y mira qué tan segura está."],
    },
    command: "veredicto train data cifar10\nveredicto train mlp --task cifar10 --report",
    models: ["cifar10-mlp", "cifar10-cnn"], demos: ["cifar"],
  },
  {
    en: {
      title: "Cat or automobile",
      lead: "A binary classifier of fully connected layers, and what it looks at.",
      text: ["With two classes one probability is enough: what is not the one is the other. In a fully connected layer each neuron sees every pixel and has a weight for each.",
        "Such a network learns where colours usually are: grey road below, a face in the middle. It does not know that a thing moved by five pixels is the same thing. The heat map shows which places its answer hangs on."],
    },
    es: {
      title: "Gato o automóvil",
      lead: "Un clasificador binario de capas totalmente conectadas, y qué mira.",
      text: ["Con dos clases basta una probabilidad: lo que no es una es la otra. En una capa totalmente conectada cada neurona ve todos los píxeles y tiene un peso para cada uno.",
        "Una red así aprende dónde suelen estar los colores: calle gris abajo, una cara en medio. No sabe que una cosa movida cinco píxeles es la misma cosa. El mapa de calor muestra de qué lugares depende su respuesta."],
    },
    command: "veredicto train mlp --task cat_or_automobile --report",
    models: ["cat_or_automobile-mlp", "cat_or_automobile-logistic"], demos: ["binary"],
  },
  {
    en: {
      title: "Improvements and limits",
      lead: "Four networks on the same photograph, and when a difference is more than chance.",
      text: ["One weight for each pixel, then layers that see all of them, then filters that see a few pixels wherever they are, then filters that have learnt elsewhere: each is right more often than the one before.",
        "An accuracy is a share of the photographs that happened to be held out, so it has an interval. On few photographs the intervals overlap and nothing is shown; only more of them tell good models apart. Limits remain: small pictures, two classes, and what was in neither."],
    },
    es: {
      title: "Mejoras y límites",
      lead: "Cuatro redes con la misma fotografía, y cuándo una diferencia es más que azar.",
      text: ["Un peso por píxel, luego capas que ven todos, luego filtros que ven unos pocos píxeles donde estén, luego filtros que aprendieron en otra parte: cada una acierta más que la anterior.",
        "Una exactitud es la parte de las fotografías que por azar quedaron reservadas, así que tiene un intervalo. Con pocas, los intervalos se traslapan y nada queda demostrado; solo con más se distinguen los buenos modelos. Quedan límites: imágenes pequeñas, dos clases, y lo que no estaba en ninguna."],
    },
    command: "veredicto train cnn --task cat_or_automobile --report",
    models: ["cat_or_automobile-logistic", "cat_or_automobile-mlp", "cat_or_automobile-cnn", "cat_or_automobile-pretrained"], demos: ["improvements"],
  },
  {
    en: {
      title: "Splitting the data",
      lead: "Three piles, and what happens when rows leak from one into another.",
      text: ["A model is judged on rows that it has not learnt from. So rows are dealt, by a seed, to three piles: training to learn, validation to choose and to stop, and a test that is looked at once.",
        "A leak is a row that stands in two piles: a duplicate, the same patient twice, a scaling computed on everything. Then the test measures memory. Leak some rows and compare the figure with that on fresh ones."],
    },
    es: {
      title: "Dividir los datos",
      lead: "Tres montones, y qué pasa cuando se filtran casos de uno a otro.",
      text: ["Un modelo se juzga con casos de los que no aprendió. Por eso se reparten, con una semilla, en tres montones: entrenamiento para aprender, validación para elegir y parar, y una prueba que se mira una sola vez.",
        "Una fuga es un caso que está en dos montones: un duplicado, el mismo paciente dos veces, una escala calculada con todo. Entonces la prueba mide memoria. Filtra algunos casos y compara la cifra con la de casos nuevos."],
    },
    command: "veredicto train naive_bayes --task breast_cancer --seed 3",
    models: ["breast_cancer-naive_bayes", "breast_cancer-knn"], demos: ["splits"],
  },
  {
    en: {
      title: "Cross-validation",
      lead: "Each row is held out once; k figures have a mean and a spread.",
      text: ["One split may be lucky. In k-fold cross-validation the rows are dealt to k folds, and k models each leave out another one.",
        "So each row is judged once by a model that has not learnt from it. The mean is a better guess than any single figure, and the spread says how far a single one may be off. Compare it with the accuracy on what was learnt: the gap is overfitting."],
    },
    es: {
      title: "Validación cruzada",
      lead: "Cada caso se reserva una vez; k cifras tienen media y desviación.",
      text: ["Una sola división puede tener suerte. En la validación cruzada de k pliegues los casos se reparten en k partes, y cada uno de k modelos deja fuera otra.",
        "Así cada caso lo juzga una vez un modelo que no aprendió de él. La media estima mejor que cualquier cifra sola, y la desviación dice cuánto puede fallar una sola. Compárala con los aciertos en lo aprendido: la brecha es el sobreajuste."],
    },
    command: "veredicto train naive_bayes --task breast_cancer --folds 5",
    models: ["breast_cancer-naive_bayes", "breast_cancer-decision_tree"], demos: ["folds"],
  },
  {
    en: {
      title: "Metrics and the threshold",
      lead: "Accuracy, precision, recall, and a threshold that trades one for the other.",
      text: ["Of a yes or no there are four outcomes: right and wrong, for each truth. Precision asks how many alarms were right, recall how many of the ill were found; accuracy counts all answers alike, and F1 is the harmonic mean of precision and recall.",
        "A model gives probabilities; the threshold makes answers of them. Lower it and fewer tumours are missed, at the price of false alarms. The curve of all thresholds says how good the order is, and the cost of each mistake says where to cut."],
    },
    es: {
      title: "Métricas y umbral",
      lead: "Exactitud, precisión, sensibilidad, y un umbral que cambia una por otra.",
      text: ["De un sí o no hay cuatro resultados: acierto y error, para cada verdad. La precisión pregunta cuántas alarmas eran ciertas; la sensibilidad, cuántos enfermos se hallaron; la exactitud cuenta todas las respuestas por igual, y F1 es la media armónica de precisión y sensibilidad.",
        "Un modelo da probabilidades; el umbral las vuelve respuestas. Si lo bajas, se pierden menos tumores, a cambio de falsas alarmas. La curva de todos los umbrales dice qué tan bueno es el orden, y el costo de cada error dice dónde cortar."],
    },
    command: "veredicto train logistic --task breast_cancer --report",
    models: ["breast_cancer-logistic"], demos: ["threshold"],
  },
  {
    en: {
      title: "Families of algorithms",
      lead: "Two questions lead to the family: what labels are there, and what is wanted?",
      text: ["Classifiers and regressors are supervised: their labels are classes or numbers. Clusterers, components and autoencoders have no labels: they find groups or fewer numbers. A generator makes new examples, and a policy learns by reward.",
        "The kind of answer chooses the kind of model; only then comes the question which family of it is best, and that is measured, not believed. Each name is a door to a model here."],
    },
    es: {
      title: "Familias de algoritmos",
      lead: "Dos preguntas llevan a la familia: ¿qué etiquetas hay, y qué se busca?",
      text: ["Clasificadores y regresores son supervisados: sus etiquetas son clases o números. Agrupadores, componentes y autocodificadores no tienen etiquetas: hallan grupos o menos números. Un generador hace ejemplos nuevos, y una política aprende por recompensa.",
        "El tipo de respuesta elige el tipo de modelo; solo después viene la pregunta de qué familia es mejor, y eso se mide, no se cree. Cada nombre es una puerta a un modelo de aquí."],
    },
    command: "veredicto train all --task wine --family naive_bayes knn decision_tree",
    models: ["wine-naive_bayes", "wine-knn", "wine-decision_tree"], demos: ["families"],
  },
  {
    en: {
      title: "Neighbours, Bayes, trees, forests",
      lead: "Four ways to draw a boundary, each with its own mistake.",
      text: ["k nearest neighbours ask the closest rows: by straight distance, along the axes (Manhattan), or by how many features differ (Hamming). Naive Bayes multiplies how usual each value is in a class, as if features had nothing to do with each other.",
        "A decision tree asks one feature after the other and, grown deep, learns its rows by heart. A random forest grows many trees on rows drawn anew and lets them vote. Neural networks are in class 24."],
    },
    es: {
      title: "Vecinos, Bayes, árboles, bosques",
      lead: "Cuatro formas de trazar una frontera, cada una con su propio error.",
      text: ["Los k vecinos más cercanos preguntan a los casos próximos: en línea recta, a lo largo de los ejes (Manhattan), o por cuántas variables difieren (Hamming). Bayes ingenuo multiplica qué tan usual es cada valor en una clase, como si las variables no tuvieran que ver entre sí.",
        "Un árbol de decisión pregunta una variable tras otra y, si crece mucho, aprende sus casos de memoria. Un bosque aleatorio hace crecer muchos árboles con casos sorteados y los deja votar. Las redes neuronales están en la clase 24."],
    },
    command: "veredicto train knn --task wine --metric manhattan --neighbors 7 --weights distance\nveredicto train decision_tree --task wine --report",
    models: ["points-knn", "points-naive_bayes", "points-decision_tree", "points-random_forest", "points-gradient_boosting"], demos: ["neighbours", "bayes", "forest"],
  },
  {
    en: {
      title: "Clusters and fewer dimensions",
      lead: "k-means finds groups without names; components say much with few numbers.",
      text: ["k-means lays k centres, gives each row to its nearest and moves each centre to the middle of its rows, until nothing changes. The end depends on the start, and k is your choice.",
        "Principal components are the directions in which rows differ most. Two of them make a picture of 64 pixels a point on a plane; eight restore a digit that can be read. Neither has seen a label."],
    },
    es: {
      title: "Grupos y menos dimensiones",
      lead: "k-medias halla grupos sin nombres; los componentes dicen mucho con pocos números.",
      text: ["k-medias pone k centros, da cada caso al más cercano y mueve cada centro al medio de sus casos, hasta que nada cambia. El final depende del inicio, y k lo eliges tú.",
        "Los componentes principales son las direcciones en que más difieren los casos. Con dos, una imagen de 64 píxeles es un punto en un plano; con ocho vuelve un dígito legible. Ninguno ha visto una etiqueta."],
    },
    command: "veredicto train kmeans --task digits --clusters 10 --report\nveredicto train pca --task digits --components 8 --report",
    models: ["digits-kmeans", "digits-pca"], demos: ["kmeans", "components"],
  },
  {
    en: {
      title: "Playground: overfitting",
      lead: "A network learns before your eyes; L1, L2 and stopping early hold it back.",
      text: ["With few noisy points and many neurons the training loss keeps falling while the validation loss turns and rises: the network learns the noise.",
        "L2 keeps all weights small. L1 pushes those that are not needed to zero. Stopping early keeps the weights of the epoch in which validation was best. More rows, less noise or fewer neurons do as well. Everything is computed in your browser."],
    },
    es: {
      title: "Laboratorio: sobreajuste",
      lead: "Una red aprende ante tus ojos; L1, L2 y parar a tiempo la frenan.",
      text: ["Con pocos puntos ruidosos y muchas neuronas, la pérdida en entrenamiento sigue bajando mientras la de validación da la vuelta y sube: la red aprende el ruido.",
        "L2 mantiene pequeños todos los pesos. L1 lleva a cero los que no hacen falta. Parar a tiempo conserva los pesos de la época en que la validación fue mejor. También ayudan más casos, menos ruido o menos neuronas. Todo se calcula en tu navegador."],
    },
    command: "veredicto train mlp --task breast_cancer --l1 0.0005 --l2 0.001 --patience 10 --report",
    models: ["breast_cancer-mlp", "points-mlp"], demos: ["playground"],
  },
  {
    en: {
      title: "Convolution",
      lead: "A small filter moved over your own drawing, and the layers of a network that learnt its own.",
      text: ["A convolution lays nine weights on nine pixels, adds up, and moves on by one. The same filter looks everywhere, so an edge is found wherever it is, with nine weights in place of thousands.",
        "ReLU keeps what was found, pooling keeps the strongest of neighbours. Layer upon layer edges become parts and parts become things. First filter by hand, then look at what a trained network finds in a photograph."],
    },
    es: {
      title: "Convolución",
      lead: "Un filtro pequeño movido sobre tu dibujo, y las capas de una red que aprendió los suyos.",
      text: ["Una convolución pone nueve pesos sobre nueve píxeles, suma y avanza uno. El mismo filtro mira en todas partes, así que halla un borde donde esté, con nueve pesos en vez de miles.",
        "ReLU conserva lo hallado; el pooling conserva lo más fuerte de los vecinos. Capa tras capa los bordes se vuelven partes y las partes cosas. Primero filtra a mano; luego mira qué halla en una fotografía una red entrenada."],
    },
    command: "veredicto train cnn --task digits --epochs 4",
    models: ["digits-cnn", "cifar10-cnn"], demos: ["convolution", "layers"],
  },
  {
    en: {
      title: "Generative networks",
      lead: "An autoencoder restores, a generator makes up; walk through its noise.",
      text: ["An autoencoder squeezes a digit into eight numbers and restores it; since its layers are not linear, it does so with half of the error of eight components.",
        "A generator turns noise into digits, a discriminator says which are real, and each learns from the other until neither gains. Near noise gives near digits: walk from one to another. Nobody has drawn what you see on the way."],
    },
    es: {
      title: "Redes generativas",
      lead: "Un autocodificador restaura, un generador inventa; camina por su ruido.",
      text: ["Un autocodificador comprime un dígito en ocho números y lo restaura; como sus capas no son lineales, lo hace con la mitad del error de ocho componentes.",
        "Un generador convierte ruido en dígitos, un discriminador dice cuáles son reales, y cada uno aprende del otro hasta que ninguno gana. Ruido cercano da dígitos cercanos: camina de uno a otro. Nadie dibujó lo que ves en el camino."],
    },
    command: "veredicto train autoencoder --task digits --epochs 60 --report\nveredicto train gan --task digits --epochs 100 --report",
    models: ["digits-autoencoder", "digits-gan", "digits_origin-discriminator"], demos: ["gan", "film", "autoencoder", "codes"],
  },
  {
    en: {
      title: "Conclusions: which to trust",
      lead: "Two classifiers on the same rows, and when one is shown to be better.",
      text: ["All models of a task answer the same held-out rows. Rows on which both are right, or both wrong, say nothing of their difference; only those count on which one alone is right.",
        "If neither were better, a coin would divide those rows. McNemar's test asks how seldom it would divide them so unevenly. A higher accuracy alone is no verdict; often more rows are needed, and the product says how many."],
    },
    es: {
      title: "Conclusiones: en cuál confiar",
      lead: "Dos clasificadores con los mismos casos, y cuándo uno es mejor de verdad.",
      text: ["Todos los modelos de una tarea responden a los mismos casos reservados. Los casos en que ambos aciertan, o ambos fallan, no dicen nada de su diferencia; solo cuentan aquellos en que solo uno acierta.",
        "Si ninguno fuera mejor, una moneda repartiría esos casos. La prueba de McNemar pregunta qué tan raro sería un reparto tan desigual. Más exactitud por sí sola no es un veredicto; a menudo hacen falta más casos, y el producto dice cuántos."],
    },
    command: "veredicto train all --task breast_cancer\nveredicto evaluate --task breast_cancer --data new.csv",
    models: ["breast_cancer-logistic", "breast_cancer-mlp", "breast_cancer-knn"], demos: ["verdict"],
  },
];

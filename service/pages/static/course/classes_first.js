// Classes 1 to 13: from what learning is to a network that somebody else has trained.

/** @type {import("./classes.js").Class[]} */
export const FIRST = [
  {
    en: {
      title: "What machine learning is",
      lead: "Learning from examples in place of rules: with labels, without, or by reward.",
      text: ["Artificial intelligence is any program that does what seems to need thought. Machine learning is the part of it that is not told the rules but finds them in examples, and deep learning the part of that which uses networks of many layers.",
        "Supervised learning has the right answer for each example. Unsupervised learning has none and looks for structure. Reinforcement learning is told only afterwards whether what it did was good. Here all three learn the same points."],
    },
    es: {
      title: "Qué es el aprendizaje automático",
      lead: "Aprender de ejemplos en vez de reglas: con etiquetas, sin ellas o por recompensa.",
      text: ["Inteligencia artificial es todo programa que hace lo que parece requerir pensamiento. El aprendizaje automático es la parte a la que no se le dan las reglas, sino que las halla en ejemplos; el aprendizaje profundo es la parte de este que usa redes de muchas capas.",
        "El aprendizaje supervisado tiene la respuesta correcta de cada ejemplo. El no supervisado no tiene ninguna y busca estructura. Al de refuerzo solo se le dice después si lo que hizo fue bueno. Aquí los tres aprenden los mismos puntos."],
    },
    command: "veredicto train logistic --task points\nveredicto train kmeans --task digits --clusters 10",
    models: ["points-logistic", "digits-kmeans"], demos: ["kinds"],
  },
  {
    en: {
      title: "Learning by reward",
      lead: "Choose, see what comes, choose better: a bandit that you play.",
      text: ["Who learns by reward has to try things. What it tries may cost a right answer; what it never tries it never learns.",
        "Epsilon-greedy takes what looks best and, in a tenth of the rounds, anything. Thompson's sampling tries a choice as often as it may still be the best, and so ever more seldom. Regret is what either has cost so far. The service chooses among a task's classifiers in the same way."],
    },
    es: {
      title: "Aprender por recompensa",
      lead: "Elige, mira qué pasa, elige mejor: un bandido que tú juegas.",
      text: ["Quien aprende por recompensa tiene que probar. Lo que prueba puede costar un acierto; lo que nunca prueba, nunca lo aprende.",
        "Epsilon-greedy toma lo que parece mejor y, en una décima parte de las rondas, cualquier cosa. El muestreo de Thompson prueba una opción tan a menudo como aún pueda ser la mejor, y así cada vez menos. El arrepentimiento es lo que cada uno ha costado hasta ahora. El servicio elige del mismo modo entre los clasificadores de una tarea."],
    },
    command: "veredicto train all --task points\nVEREDICTO_POLICY=thompson veredicto serve",
    models: ["points-logistic", "points-knn", "points-naive_bayes"], demos: ["bandit"],
  },
  {
    en: {
      title: "Label, feature, model",
      lead: "A model maps features to a label; its loss says how wrong it is.",
      text: ["A feature is what is known of an example, here the price of a taco; the label is what is to be found out, here how many are sold. A model is a rule with weights that goes from one to the other.",
        "Training chooses the weights that make the loss small; inference uses them on new rows. Features are normalised first so that none is large just because of its unit, and here that is part of the model's file. Lay the line yourself and watch the squares."],
    },
    es: {
      title: "Etiqueta, variable, modelo",
      lead: "Un modelo va de las variables a la etiqueta; su pérdida dice cuánto se equivoca.",
      text: ["Una variable es lo que se sabe de un ejemplo, aquí el precio de un taco; la etiqueta es lo que se quiere averiguar, aquí cuántos se venden. Un modelo es una regla con pesos que va de una a otra.",
        "Entrenar elige los pesos que hacen pequeña la pérdida; inferir es usarlos con casos nuevos. Antes se normalizan las variables, para que ninguna sea grande solo por su unidad, y aquí eso es parte del archivo del modelo. Pon la recta tú y mira los cuadrados."],
    },
    command: "veredicto train linear --task tacos",
    models: ["tacos-linear"], demos: ["line"],
  },
  {
    en: {
      title: "Loss, gradient, descent",
      lead: "Step by step down the loss, until the learning rate is too high and it explodes.",
      text: ["The mean squared error is a parabola of the weight. Its gradient says which way is up, so a step goes the other way, and the learning rate says how far.",
        "A rate that is too small takes for ever; one that is too high jumps over the valley and climbs. With a mini-batch the gradient is computed from a few rows: it is cheaper and noisier, and that is stochastic gradient descent. Try the rates 0.01, 0.3 and 1.2, and batches of 1, 16 and all."],
    },
    es: {
      title: "Pérdida, gradiente, descenso",
      lead: "Paso a paso cuesta abajo, hasta que la tasa de aprendizaje es demasiado alta y explota.",
      text: ["El error cuadrático medio es una parábola del peso. Su gradiente dice hacia dónde sube, así que el paso va al revés, y la tasa de aprendizaje dice qué tan lejos.",
        "Una tasa demasiado pequeña no llega nunca; una demasiado alta salta sobre el valle y trepa. Con un lote, el gradiente se calcula con pocos casos: es más barato y más ruidoso, y eso es el descenso de gradiente estocástico. Prueba las tasas 0.01, 0.3 y 1.2, y lotes de 1, 16 y todos."],
    },
    command: "veredicto train linear --task tacos --learning-rate 0.3 --batch-size 16 --epochs 40 --report",
    models: ["tacos-linear"], demos: ["descent"],
  },
  {
    en: {
      title: "Tensors",
      lead: "A row, a picture and a batch are the same numbers in another shape.",
      text: ["A tensor is a block of numbers of one type with a shape: one dimension for a row, two for a grey picture, four for a batch of pictures with channels.",
        "Reshaping moves no number; it only changes how many indices each has. Frameworks such as PyTorch compute on whole tensors at once, which is why rows travel in batches. Find the same cell in all three shapes."],
    },
    es: {
      title: "Tensores",
      lead: "Una fila, una imagen y un lote son los mismos números con otra forma.",
      text: ["Un tensor es un bloque de números de un tipo con una forma: una dimensión para una fila, dos para una imagen en grises, cuatro para un lote de imágenes con canales.",
        "Cambiar la forma no mueve ningún número; solo cambia cuántos índices tiene cada uno. PyTorch y otros calculan con tensores enteros a la vez, y por eso los casos viajan en lotes. Encuentra la misma celda en las tres formas."],
    },
    command: "veredicto train mlp --task digits",
    models: ["digits-mlp", "digits-cnn"], demos: ["tensors"],
  },
  {
    en: {
      title: "Forward, backward, step",
      lead: "One neuron as a graph: values go forward, derivatives come back.",
      text: ["The forward pass computes the answer and its loss. Back-propagation goes the same way back and multiplies derivatives by the chain rule, so that each weight learns how the loss changes with it.",
        "Optimisation then moves every weight a little against its derivative. These three lines are the whole training loop. Make the score very large and see the derivative vanish: there a sigmoid learns nothing."],
    },
    es: {
      title: "Hacia adelante, hacia atrás, un paso",
      lead: "Una neurona como grafo: los valores van, las derivadas regresan.",
      text: ["El paso hacia adelante calcula la respuesta y su pérdida. La retropropagación recorre lo mismo al revés y multiplica derivadas con la regla de la cadena, y así cada peso sabe cómo cambia la pérdida con él.",
        "La optimización mueve luego cada peso un poco contra su derivada. Esas tres líneas son todo el ciclo de entrenamiento. Haz muy grande el puntaje y mira cómo se desvanece la derivada: ahí una sigmoide no aprende."],
    },
    command: "veredicto train mlp --task wine --activation sigmoid --hidden 32",
    models: ["wine-mlp"], demos: ["backprop"],
  },
  {
    en: {
      title: "Data sets as tensors",
      lead: "Rows are shuffled and dealt into mini-batches, anew in each epoch.",
      text: ["A data set is two typed arrays, features and labels, of as many rows. A loader shuffles the rows by a seed and deals them into mini-batches; going through all of them once is an epoch.",
        "The number of rows and the batch size say how many steps an epoch has, and whether a short batch is left at the end. Because the seed is kept, the same training can be had again; each model's card names it, and the fingerprint of its data."],
    },
    es: {
      title: "Conjuntos de datos como tensores",
      lead: "Los casos se barajan y se reparten en lotes, de nuevo en cada época.",
      text: ["Un conjunto de datos son dos arreglos con tipo, variables y etiquetas, con igual número de casos. Un cargador baraja los casos con una semilla y los reparte en lotes; recorrerlos todos una vez es una época.",
        "El número de casos y el tamaño del lote dicen cuántos pasos tiene una época, y si al final queda un lote corto. Como se guarda la semilla, el mismo entrenamiento se puede repetir; la ficha de cada modelo la nombra, y también la huella de sus datos."],
    },
    command: "veredicto train linear --task tacos --batch-size 16 --epochs 40",
    models: ["tacos-linear"], demos: ["batches"],
  },
  {
    en: {
      title: "Linear regression on the tacos",
      lead: "The whole of it: epochs, mini-batches, the line and its loss.",
      text: ["All parts come together: a line, the mean squared error, its gradient, mini-batches and epochs. The loss over the epochs shows whether training has ended: it falls steeply, then lies flat.",
        "R² says how much of what differs between days the price explains. Without normalising, weight and bias disturb each other, and the same rate needs many more epochs. Compare both."],
    },
    es: {
      title: "Regresión lineal con los tacos",
      lead: "Todo junto: épocas, lotes, la recta y su pérdida.",
      text: ["Se juntan todas las partes: una recta, el error cuadrático medio, su gradiente, lotes y épocas. La pérdida a lo largo de las épocas muestra si el entrenamiento terminó: cae de golpe y luego queda plana.",
        "R² dice cuánto de lo que difiere entre los días lo explica el precio. Sin normalizar, peso y sesgo se estorban, y la misma tasa necesita muchas más épocas. Compara ambos."],
    },
    command: "veredicto train linear --task tacos --folds 5 --report",
    models: ["tacos-linear", "diabetes-linear"], demos: ["fit"],
  },
  {
    en: {
      title: "Logistic regression",
      lead: "A score becomes a probability; log loss takes the place of squares.",
      text: ["For a class the answer is a probability. The sigmoid makes one of any score for two classes, the softmax for several, whose shares add up to one. It is used as it is, or a threshold makes a class of it.",
        "Its loss is the log loss, which comes from entropy: it asks what probability was given to the truth, and a sure mistake costs most. Squared errors would hardly punish it."],
    },
    es: {
      title: "Regresión logística",
      lead: "Un puntaje se vuelve probabilidad; la pérdida logarítmica reemplaza a los cuadrados.",
      text: ["Para una clase, la respuesta es una probabilidad. La sigmoide la hace de cualquier puntaje con dos clases; la softmax con varias, cuyas partes suman uno. Se usa tal cual, o un umbral la vuelve clase.",
        "Su pérdida es la logarítmica, que viene de la entropía: pregunta qué probabilidad se dio a la verdad, y un error seguro es el que más cuesta. El error cuadrático apenas lo castigaría."],
    },
    command: "veredicto train logistic --task wine",
    models: ["wine-logistic", "breast_cancer-logistic"], demos: ["sigmoid"],
  },
  {
    en: {
      title: "Logistic regression on points",
      lead: "Two clouds and the boundary between them; add points and it moves.",
      text: ["Generated points are good to learn with, since everything can be seen. A logistic regression of two features has a straight boundary, where the probability is one half.",
        "If a line parts the clouds, the loss falls towards zero and the model grows ever surer. One point on the wrong side changes that: now no line is right everywhere, and the boundary settles where mistakes cost least in all."],
    },
    es: {
      title: "Regresión logística con puntos",
      lead: "Dos nubes y la frontera entre ellas; agrega puntos y se mueve.",
      text: ["Los puntos generados son buenos para aprender, porque todo se ve. Una regresión logística de dos variables tiene una frontera recta, donde la probabilidad es un medio.",
        "Si una recta separa las nubes, la pérdida baja hacia cero y el modelo se vuelve cada vez más seguro. Un punto del lado equivocado lo cambia: ya ninguna recta acierta siempre, y la frontera queda donde los errores cuestan menos en total."],
    },
    command: "veredicto train logistic --task points --report",
    models: ["points-logistic"], demos: ["boundary"],
  },
  {
    en: {
      title: "How face recognition works",
      lead: "Portraits as sums of a few pictures; the nearest one has the name, unless it is too far.",
      text: ["Eigenfaces are the principal components of portraits: a face is the mean face plus so much of each. A few such numbers describe it, and the nearest known portrait gives the name.",
        "Beyond a distance nobody is recognised. Where that line lies is a choice: a wide one lets strangers in, a narrow one turns known persons away. Faces are nobody's to ship, so digits take their place here; train on a folder of your own portraits."],
    },
    es: {
      title: "Cómo funciona el reconocimiento facial",
      lead: "Retratos como suma de pocas imágenes; el más cercano da el nombre, si no está muy lejos.",
      text: ["Las eigencaras son los componentes principales de los retratos: un rostro es el rostro medio más un tanto de cada una. Unos pocos números lo describen, y el retrato conocido más cercano da el nombre.",
        "Más allá de cierta distancia no se reconoce a nadie. Dónde poner ese límite se elige: uno amplio deja pasar extraños, uno estrecho rechaza conocidos. No distribuimos rostros de nadie, así que aquí los reemplazan dígitos; entrena con una carpeta de tus propios retratos."],
    },
    command: "veredicto train faces --data portraits/ --task team",
    models: ["digits-pca", "digits-knn"], demos: ["faces"],
  },
  {
    en: {
      title: "Neurons",
      lead: "One neuron draws a line; XOR needs two more before it.",
      text: ["A neuron adds up weighted inputs and sends the sum through an activation. With Heaviside's step that is the perceptron, which learns from its mistakes alone. Sigmoid and tanh are smooth but flat at both ends, where nothing is learnt; ReLU is not flat above zero, but a neuron that is always below is dead.",
        "One neuron can part what a line parts: AND, OR, but not XOR. A hidden layer bends the plane first, and then a line will do."],
    },
    es: {
      title: "Neuronas",
      lead: "Una neurona traza una recta; XOR necesita dos más antes.",
      text: ["Una neurona suma entradas con pesos y pasa la suma por una activación. Con el escalón de Heaviside es el perceptrón, que aprende solo de sus errores. Sigmoide y tanh son suaves, pero planas en los extremos, donde no se aprende; ReLU no es plana sobre cero, pero una neurona que siempre queda debajo está muerta.",
        "Una neurona separa lo que separa una recta: Y, O, pero no XOR. Una capa oculta dobla primero el plano, y entonces basta una recta."],
    },
    command: "veredicto train perceptron --task points --report\nveredicto train mlp --task wine --activation tanh --hidden 32",
    models: ["points-perceptron", "points-mlp"], demos: ["neuron"],
  },
  {
    en: {
      title: "A pretrained network",
      lead: "Use what others have trained, as it is or for classes of your own.",
      text: ["Training a large network takes millions of photographs. Its weights can be taken over: as they are, it names a thousand kinds of things.",
        "What its layers have learnt of edges, textures and parts serves for other classes too. Only the last layer is replaced and trained, so that few images are enough. The fewer there are, the more it gains over a network that starts from nothing."],
    },
    es: {
      title: "Una red preentrenada",
      lead: "Usar lo que otros entrenaron, tal cual o para tus propias clases.",
      text: ["Entrenar una red grande requiere millones de fotografías. Sus pesos se pueden aprovechar: tal cual, nombra mil tipos de cosas.",
        "Lo que sus capas aprendieron de bordes, texturas y partes sirve también para otras clases. Solo se reemplaza y entrena la última capa, así que bastan pocas imágenes. Cuantas menos hay, más gana frente a una red que empieza de cero."],
    },
    command: "veredicto train pretrained --task cat_or_automobile --finetune --arch convnet --unfreeze --report",
    models: ["imagenet-efficientnet_lite0", "cat_or_automobile-pretrained", "cifar10-pretrained"], demos: ["pretrained"],
  },
];

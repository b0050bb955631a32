"""Pure: the widely known category that a synset belongs to: an Afghan hound is a dog."""

from __future__ import annotations

from imagenet_build.taxonomy.tree import ancestors
from imagenet_build.taxonomy.wordnet import WordNet

# Rosch et al. 1976 ("Basic objects in natural categories", Cognitive Psychology 8) asked people for the level at which
# they name things. Their finding is kept here as a list, because nothing in WordNet's nouns says it: between the
# whippet and the animal stand greyhound, hound, hunting dog, canine and carnivore, and only the dog is what people say.
# Below a widely known kind (duck) the kind is meant, elsewhere the class (bird): the nearest entry above wins.
# `synset` or `synset:word` where people use another word than WordNet's first.
_TABLE = """
 animal.n.01 mammal.n.01:animal dog.n.01 cat.n.01 wolf.n.01 fox.n.01 bear.n.01 weasel.n.02 otter.n.02 skunk.n.04
badger.n.02 raccoon.n.02 seal.n.09 walrus.n.01 sea_lion.n.01 whale.n.02 dolphin.n.02 porpoise.n.01 bat.n.01 mouse.n.01
rat.n.01 squirrel.n.01 hamster.n.01 beaver.n.07 porcupine.n.01 rabbit.n.01 hare.n.01 deer.n.01 antelope.n.01
sheep.n.01 goat.n.01 cattle.n.01:cow swine.n.01:pig horse.n.01 ass.n.03:donkey mule.n.01 zebra.n.01 camel.n.01
llama.n.01 elephant.n.01 rhinoceros.n.01 hippopotamus.n.01 monkey.n.01 ape.n.01 lemur.n.01 kangaroo.n.01 opossum.n.02
sloth.n.02 armadillo.n.01 hedgehog.n.02 shrew.n.02 mole.n.06 lion.n.01 tiger.n.02 leopard.n.02
 bird.n.01 duck.n.01 goose.n.01 swan.n.01 owl.n.01 eagle.n.01 hawk.n.01 vulture.n.01 parrot.n.01 pigeon.n.01
penguin.n.01 chicken.n.02 turkey.n.01 gull.n.02 heron.n.02 stork.n.01 woodpecker.n.01 hummingbird.n.01 pheasant.n.01
 reptile.n.01 snake.n.01 lizard.n.01 turtle.n.02 crocodilian_reptile.n.01:crocodile dinosaur.n.01
 amphibian.n.03 frog.n.01 salamander.n.01
 fish.n.01 shark.n.01 eel.n.02 salmon.n.01 trout.n.02
 insect.n.01 butterfly.n.01 moth.n.01 beetle.n.01 ant.n.01 bee.n.01 wasp.n.02 dragonfly.n.01 grasshopper.n.01
spider.n.01 crab.n.01 lobster.n.02 shrimp.n.03 snail.n.01 worm.n.01 jellyfish.n.02 coral.n.04
 plant.n.02 tree.n.01 shrub.n.01 flower.n.01 grass.n.01 fern.n.01 moss.n.01 cactus.n.01 palm.n.03 orchid.n.01
lily.n.01 rose.n.01 fungus.n.01 mushroom.n.02
 fruit.n.01 apple.n.01 pear.n.01 grape.n.01 orange.n.01 lemon.n.01 cherry.n.03 plum.n.02 peach.n.03 melon.n.01
berry.n.01 nut.n.01 grain.n.07 vegetable.n.01
 food.n.01 food.n.02 dish.n.02 bread.n.01 cake.n.03 cookie.n.01 cheese.n.01 soup.n.01 sandwich.n.01 pasta.n.02
meat.n.01 sausage.n.01 salad.n.01 sauce.n.01 candy.n.01 beverage.n.01:drink wine.n.01 beer.n.01 cocktail.n.01
coffee.n.01 tea.n.01
 vehicle.n.01 car.n.01 car.n.02:railroad_car truck.n.01 bus.n.01 van.n.05 motorcycle.n.01 bicycle.n.01 locomotive.n.01
train.n.01 airplane.n.01 helicopter.n.01 aircraft.n.01 boat.n.01 ship.n.01 sailing_vessel.n.01:ship vessel.n.02:boat
submarine.n.01 rocket.n.01 missile.n.01 spacecraft.n.01 tank.n.01 wagon.n.01 carriage.n.02 cart.n.01 sled.n.01
tractor.n.01
 musical_instrument.n.01:instrument guitar.n.01 piano.n.01 violin.n.01 drum.n.01 flute.n.01 organ.n.05 bell.n.01
 tool.n.01 hammer.n.02 saw.n.02 knife.n.01 ax.n.01 wrench.n.03 drill.n.01 scissors.n.01 shovel.n.01 pliers.n.01
screwdriver.n.01 chisel.n.01 rake.n.03
 furniture.n.01 chair.n.01 table.n.02 table.n.03 desk.n.01 bed.n.01 sofa.n.01 bench.n.01 stool.n.01 cabinet.n.01
lamp.n.02 bookcase.n.01 wardrobe.n.01 cupboard.n.01
 geological_formation.n.01:landform mountain.n.01 hill.n.01 valley.n.01 cave.n.01 cliff.n.01 beach.n.01 island.n.01
canyon.n.01 volcano.n.02 glacier.n.01 volcanic_crater.n.01:crater lake.n.01 river.n.01 waterfall.n.01
 building.n.01 house.n.01 church.n.02 bridge.n.01 tower.n.01 castle.n.02 tent.n.01 room.n.01
 clothing.n.01 shirt.n.01 dress.n.01 coat.n.01 trouser.n.01:trousers skirt.n.02 shoe.n.01 boot.n.01 hat.n.01
glove.n.02 sock.n.01 jewelry.n.01 fabric.n.01 computer.n.01 camera.n.01 clock.n.01 telephone.n.01
gun.n.01 sword.n.01 weapon.n.01 box.n.01 bottle.n.01 bag.n.01 basket.n.01 cup.n.01 bowl.n.01 ball.n.01
plaything.n.01:toy game.n.01 sport.n.01 rock.n.01 mineral.n.01 gem.n.02 coin.n.01
"""


Category = tuple[str, tuple[str, ...]]
"""A category's word, and all one-word names that its synset has."""


class BasicLevel:
    """Finds the words of widely known categories at and above a synset."""

    def __init__(self, wordnet: WordNet) -> None:
        self._wordnet = wordnet
        self._words: dict[int, str] = {}
        for entry in _TABLE.split():
            name, _, word = entry.partition(":")
            lemma, _, number = name.rsplit(".", 2)
            senses = wordnet.senses(lemma)
            # another WordNet may have fewer senses; then the category is simply not known
            if int(number) <= len(senses):
                self._words[senses[int(number) - 1]] = (word or lemma).replace("_", " ")

    def categories(self, offset: int) -> list[Category]:
        """The categories at (if it is one itself) and above a synset.

        Nearest first, and a category never before one that it contains: the prairie chicken, which WordNet's game
        birds bring nearer to the animals, is a bird first.
        """
        places = [place for place in (offset, *self._above(offset)) if place in self._words]
        contained = {place: sum(place in self._above(other) for other in places) for place in places}
        places.sort(key=contained.__getitem__)
        return [(self._words[place], self._names(place)) for place in places]

    def _names(self, offset: int) -> tuple[str, ...]:
        names = [lemma for lemma in self._wordnet.lemmas(offset) if lemma.isalpha()]
        return tuple(dict.fromkeys((self._words[offset], *names)))

    def _above(self, offset: int) -> list[int]:
        return ancestors(self._wordnet, offset)

    def missing(self) -> list[str]:
        """Entries of the list that this WordNet does not have under their name; none in WordNet 3.0."""
        found = {self._wordnet.name(offset) for offset in self._words}
        return [name for name in (entry.partition(":")[0] for entry in _TABLE.split()) if name not in found]

"""Sort the pictures of a .zip into kinds by the words of their names: CLASS/LOOK/NAME.png to CLASS/LOOK/KIND/NAME.png.

    python -m benchmarks.name_kinds examples/studio.zip

A picture whose name has none of the words stays where it is, and so does one of a kind with fewer than FEWEST pictures.
The pictures' bytes do not change. Running it again changes nothing.
"""

from __future__ import annotations

import argparse
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from pixelart.storage import new_file

FEWEST = 10
"""The fewest pictures of a kind."""
Words = Mapping[str, str]
"""Kind -> a regular expression for its words; the first kind that matches counts."""
KINDS: Mapping[str, Words] = {
    "armour": {
        "shield": "l?shields?|bucklers?|bullseye",
        "helmet": "helmets?|helm|hat|hats|cap|cornuthaum|crown|mask|dragonmask|hood|circlet",
        "boots": "boots?|jackboots|shoes?|barding",
        "gloves": "gloves?|gauntlets?",
        "cloak": "cloaks?|scarf|mantle",
        "robe": "robes?",
        "hide": "hides?|skin|scales|dragonskin|leather|fur",
        "mail": "mail|plate|armou?r|breastplate|chain",
    },
    "weapon": {
        "bow": "bows?|longbow|shortbow|crossbow|arbalests?|slings?|greatsling|blowguns?|sniper|punk",
        "axe": "axes?|tomahawks?|bardiche|executioner",
        "polearm": "spears?|halberds?|scythes?|glaives?|trident|partisans?|lance|pike|javelins?",
        "staff": "staff|staves|rods?|quarterstaff|lajatang|wands?|sceptre|pole",
        "mace": "maces?|flails?|hammers?|clubs?|morningstars?|eveningstars?|shillelagh|skullcrusher",
        "dagger": "daggers?|knife|knives|quickblade|rapiers?|short_sword|dirk",
        "sword": "swords?|claymores?|katanas?|falchions?|scimitars?|cutlass|cutlasses|greatswords?|longsword|blades?|"
        "sabre|saber",
        "whip": "whips?|bullwhip",
        "missile": "arrows?|bolts?|darts?|bullets?|needles?|net|nets|stones?|rocks?",
    },
    "item": {
        "potion": "potions?|flasks?|phial|vial|bottles?",
        "scroll": "scrolls?|parchment|papers?|maps?",
        "book": "books?|tomes?|manuals?",
        "food": "food|rations?|meat|apples?|bread|fruit|fish|cheese|mushrooms?|honeycomb|jelly|pizza|pear|chunks?",
        "ring": "rings?|octoring|finger",
        "amulet": "amulets?|stone[123]|celtic|cameo|face[12]|penta|eye|brooch|necklace|cylinder",
        "rune": "runes?",
        "gem": "gems?|crystals?|ruby|diamond|emerald|sapphire|jewels?|tourmaline|stones?|orbs?",
        "gold": "gold|coins?|treasure|money|chest",
        "wand": "wands?|rods?|staff",
        "deck": "decks?|cards?",
        "lamp": "lamps?|lanterns?|candles?|torch",
    },
    "creature": {
        "hydra": "hydras?",
        "dragon": "dragons?|drakes?|draco|draconians?|wyrms?|wyverns?|tiamat",
        "skeleton": "skeletons?|skeletal|draugr|bones?|skulls?|lich|liches|revenants?",
        "zombie": "zombies?|mumm(y|ies)|ghouls?|simulacr(um|a)|bog_body|necrophage|wights?",
        "ghost": "ghosts?|spectral|spectres?|shadows?|wraiths?|phantoms?|spirits?|phantasmal|eidolon",
        "demon": "demons?|devils?|imps?|hell|fiends?|balrug|daemon|executioner|tormentor|hellion|ufetubus|neqoxec",
        "snake": "snakes?|serpents?|nagas?|vipers?|anacondas?|adders?|salamanders?|worms?|eels?|mamba",
        "insect": "spiders?|bees?|ants?|beetles?|scorpions?|mosquito|moths?|butterfl(y|ies)|wasps?|hornets?|"
        "mites?|redbacks?|tarantella|centipedes?|crabs?|snails?|larva",
        "bird": "birds?|bats?|ravens?|eagles?|crows?|harp(y|ies)|tengu|vultures?|owls?|chickens?|shrikes?",
        "beast": "wol(f|ves)|hounds?|dogs?|jackals?|bears?|yaks?|elephants?|cats?|felids?|lions?|rats?|hogs?|boars?|"
        "pigs?|sheep|horses?|apes?|monkeys?|porcupines?|catoblepas|quadruped|manticores?|hippogriffs?|griffons?|"
        "lizards?|iguanas?|newts?|geckos?|crocodiles?|alligators?|komodo|basilisks?|goats?|foxes?|deer|cows?|"
        "sphinx|chimera",
        "frog": "frogs?|toads?|turtles?|tortoises?",
        "fish": "fish|fishes|sharks?|krakens?|octopodes?|merfolk|mermaids?|sirens?|squids?|water_nymph",
        "slime": "slimes?|ooz(e|es)|jell(y|ies)|puddings?|blobs?|amoeba",
        "plant": "plants?|fung(us|i)|mushrooms?|trees?|treants?|vines?|oklob|briar|ballistomycete|toadstools?|seed",
        "eye": "eyes?|eyeballs?|oculus|orb_guardian|gaz(e|er)s?",
        "golem": "golems?|gargoyles?|statues?|elementals?|vortex|vortices|guardian|spark|fire|conduit|automaton",
        "goblin": "goblins?|hobgoblins?|kobolds?|gnolls?|spriggans?|gnomes?|halflings?|bogg?arts?",
        "orc": "orcs?|orcish|ogres?|trolls?|giants?|ettins?|cyclops|titans?|juggernaut|oni",
        "centaur": "centaurs?|yaktaurs?|minotaurs?|fauns?|satyrs?",
        "person": "el(f|ves)|deep|dwarfs?|dwarves|vampires?|humans?|humanoid|knights?|wizards?|mages?|priests?|"
        "warriors?|sorcerers?|necromancers?|angels?|monks?|soldiers?|killer|hunters?|elementalists?|vashnia",
    },
    "feature": {
        "statue": "statues?|idols?",
        "altar": "altars?|shrines?|jiyva|xom|makhleb|beogh|zin|nemelex|muna|sif|hep|dithmenos|pakellas|trog|okawaru|"
        "yred\\w*|kiku\\w*|ely\\w*|vehumet|cheibriados|ashenzari|fedhas|lugonu|gozag|qazlal|ru|uskayaw|wu|igni\\w*",
        "door": "doors?|runed|sealed",
        "stairs": "stairs?|down|up|hatch|escape|ladders?",
        "gate": "gates?|portals?|enter|exit|vgate|return|arch|archway|depths|teleporters?",
        "tree": "trees?|mangroves?|plants?|bush|bushes|flowers?|cactus",
        "fountain": "fountains?|basin|well",
        "trap": "traps?|net|web|spike|zot|shaft",
        "column": "columns?|pillars?|conduits?|crystal|stones?",
    },
    "floor": {
        "water": "water|waters|waves?|shoals|sea|ink|murky|shallow|deep|ocean|swamp|bog",
        "grass": "grass|flowers?|moss|sprouting|vines?|leaves|lair",
        "lava": "lava|infernal|volcanic|hell|fire",
        "ice": "ice|icy|frozen|snow",
        "sand": "sand|sandstone|dunes?|limestone|salt",
        "dirt": "dirt|earth|mud|pebbles?|gulch|trash",
        "tiles": "mosaic|squares?|rect|diamonds?|domino|marble|etched|cobble|pedestal|tomb|swirlstone|slabs?",
        "crystal": "crystal|crystals",
        "bones": "bones|necropolis|crypt|necro|blood",
        "sigil": "sigil|algiz|runes?",
        "stone": "grey|gray|stone|rough|cobalt|black|metal|mesh|floor",
    },
    "effect": {
        "blood": "blood|splatter|gore",
        "cloud": "clouds?|smoke|mist|miasma|fog|steam|dust|gas|spectral",
        "fire": "fire|flames?|blast|explosion|searing|pyre|embers?",
        "bolt": "bolts?|magic|ray|rays|beam|lash|lightning|electric|elec|zap|crystal|drain|chaos",
        "arrow": "arrows?|darts?|javelins?|needles?|spears?|tomahawks?|icicles?|stones?|nets?|throwing|shot|splinters",
    },
    "wall": {
        "brick": "bricks?|lab|vaults?|hall|orc|tomb|catacombs|cobalt|marble|sandstone|studio",
        "stone": "stone|rock|pebble|mossy|undead|gray|brown|relief|gulch|necropolis|depths",
        "metal": "metal|iron|steel|bars|grate|cage|mesh|silver",
        "crystal": "crystals?|emerald|moon|zot|ice",
        "organic": "hive|beehives?|flesh|slime|abyss",
        "plants": "vines?|lair|snake|trees?|leafy|shrubs?|bush|puffball|wood",
    },
    "spell": {
        "summon": "summon\\w*|call|calls|conjure|animate|recall|elementals|form|mass",
        "bolt": "bolts?|lightning|thunder|missiles?|dart|arrow|orb|blast|destruction|shock|spear|beam|throw|sting",
        "fire": "fire|fireball|flames?|burn|inferno|sticky|lava|ignite|bonfire",
        "ice": "ice|cold|freez\\w*|frozen|frost|chill|refrigeration|ozocubus|snow",
        "cloud": "clouds?|poison\\w*|venom|mephitic|air|gas|mist|storm|wind|breath",
        "death": "death|drain\\w*|undead|necro\\w*|pain|haunt|vampir\\w*|soul|torment|kiku\\w*|skull|bone|corpse|agony",
        "earth": "earth|stone|rock|lehudib|iron|metal|crystal|sand",
        "weapon": "sword|weapon|blade|buff|armou?r|shield|axe|bow|hammer",
        "magic": "magic|blink|teleport|translocat\\w*|mark|detect|light|haste|regeneration|sight|gaze|slow|confus\\w*",
    },
    "icon": {"artifact": "artifact", "scales": "scales"},
    "unit": {"idle": "idle", "attack": "attack"},
}


def kind_of(class_name: str, name: str) -> str:
    """The kind of a picture by the words of its name, "" = none."""
    words = f"_{re.sub('[^a-z0-9]+', '_', name.lower())}_"
    for kind, pattern in KINDS.get(class_name, {}).items():
        if re.search(f"_(?:{pattern})[0-9]*(?=_)", words):
            return kind
    return ""


def sorted_places(places: Sequence[str]) -> dict[str, str]:
    """Place in the .zip -> its new place."""
    kinds = {}
    for place in places:
        parts = PurePosixPath(place).parts
        if not 3 <= len(parts) <= 4:
            raise SystemExit(f"{place}: must be CLASS/LOOK/NAME or CLASS/LOOK/KIND/NAME")
        class_name, look, name = parts[0], parts[1], parts[-1]
        kinds[place] = (class_name, look, kind_of(class_name, Path(name).stem), name)
    counts = Counter((class_name, kind) for class_name, _, kind, _ in kinds.values())
    found = {
        place: "/".join((class_name, look, *([kind] if kind and counts[class_name, kind] >= FEWEST else []), name))
        for place, (class_name, look, kind, name) in kinds.items()
    }
    if twice := [new for new, count in Counter(found.values()).items() if count > 1]:
        raise SystemExit(f"{twice[0]}: would be the place of several pictures")
    return found


def main() -> None:
    """Rewrite the .zip and print how many pictures each kind has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    path = parser.parse_args().archive
    with zipfile.ZipFile(path) as archive:
        data = {one.filename: archive.read(one) for one in archive.infolist() if not one.is_dir()}
        how = archive.infolist()[0].compress_type
    places = sorted_places(list(data))
    with new_file(path) as file, zipfile.ZipFile(file, "w", how) as archive:
        for place, new in sorted(places.items(), key=lambda pair: pair[1]):
            archive.writestr(zipfile.ZipInfo(new), data[place], how)
    counts = Counter("/".join(parts[::2]) for place in places.values() if len(parts := place.split("/")[:-1]) == 3)
    for kind, count in sorted(counts.items()):
        print(f"{kind} {count}")
    print(f"{counts.total()} of {len(places)} pictures have a kind")


if __name__ == "__main__":
    main()

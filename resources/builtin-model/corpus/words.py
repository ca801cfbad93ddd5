# SPDX-License-Identifier: MIT
"""Spelling, counting letters and reversing words, for the built-in model's corpus.

make(rng) -> turn: {"user", "think", "answer", "steps_answer", "kind": "words", "sub", "expect", "keep"}
  sub     "spell" | "reverse" | "count" | "letters" (how many a's) | "nth" (first/last/third letter)
  think   the numbered letters, for a reversal also the list downwards:
              1p2l3a4n5e6t
              6t5e4n3a2l1p
          Numbers and letters alternate, one token each: digits are never merged, and a lone letter between
          digits is its own piece. A reversal is then a look-up of the number just written.
  answer  spell p-l-a-n-e-t, reverse "tenalp", count **6** letters
  steps_answer  for non-thinking mode: the same steps in a fenced block, then the answer
  expect  {"text": the part that must appear, "word": word}
The word stands mostly in double quotes, sometimes bare. Held-out words (is_heldout_word) are never used in training.
"""
import zlib

KIND = "words"

WORDS = """
able about above account across action active actor address adult advice after again agent airport alarm album alley almond almost alone along already
also always amber amount anchor angel angle animal ankle answer apple april apron arch area argue army around arrow artist ask atlas atom attic
august aunt author autumn awake axis baby back bacon badge bag baker balance ball balloon bamboo banana band bank barn barrel base basic basket
bath battery beach bean bear beard beast beauty become bed bee beetle before begin behind bell belong below belt bench berry best better between
bicycle big bike bird birth bishop bitter black blade blanket blind block blood blue board boat body bone book boot border born boss both bottle
bottom bowl box boy brain branch brave bread break breath brick bridge bright bring broad brother brown brush bubble bucket budget build bullet
bus bush busy butter button buy cabin cable cactus cake call calm camel camera camp canal candle candy canoe canyon captain car card care carpet
carrot carry castle cat catch cause cave ceiling center century cereal chain chair chalk chance change chapter charge cheap check cheese cherry
chess chest chicken chief child chimney chin chip choice church circle city claim class clay clean clear clever cliff climb clinic clock close
cloth cloud clown coach coal coast coat cobra coffee coin cold collar color column comb come comet comfort common company compass copper copy coral
corn corner correct cost cotton couch cough count country couple course cousin cover cow crab crack cradle crane crayon cream create credit cricket
crop cross crow crowd crown cruel crystal culture cup curious curtain curve cushion custom cycle dad daily dairy daisy damage dance danger dark data
date daughter dawn day deal dear decide deep deer degree delay desert desk detail device diamond diary dice dinner direct dirt dish distance divide
doctor dog doll dollar dolphin donkey door double dragon draw drawer dream dress drink drive drop drum dry duck dust duty eager eagle ear early
earth east easy eat echo edge editor effect effort egg eight elbow elder electric elephant eleven empty end enemy energy engine enjoy enough enter
envelope equal error escape evening event ever every exact example excuse exit expert explain extra eye fabric face fact factory fair faith fall
family famous fan fancy farm farmer fast father fault favor fear feast feather feed feel fence fern festival fever few fiber field fifty fight figure
film filter final find finger finish fire first fish five flag flame flash flat flavor flight float flock floor flour flower flute fly foam focus fog
fold folk follow food foot force forest forget fork form fortune forty forward fossil four fox frame free freeze fresh friday friend frog front frost
frozen fruit fuel full funny fur future galaxy game garage garden garlic gas gate gather general gentle giant gift ginger giraffe girl give glad glass
globe glove glue goal goat gold golden good goose grain grand grape graph grass gravel gray great green ground group grow guard guess guest guide
guitar habit hair half hall hammer hand handle happy harbor hard harvest hat hazel head health heart heat heavy hedge helmet help hen herb here hero
hidden high hill history hobby hold hole holiday hollow home honest honey hood hook hope horizon horn horse hospital hotel hour house human humor
hundred hungry hunt hurry ice idea image imagine inch indoor infant ink insect inside island item ivory jacket jaguar jam january jar jaw jeans jelly
jewel job join joke journey joy judge juice july jump june jungle junior just kangaroo keep kettle key kick kid kind king kingdom kiss kitchen kite
kitten knee knife knock knot know label ladder lady lake lamb lamp land language large laser last late laugh laundry law lawn layer lazy lead leaf
learn leather leave left leg legend lemon length leopard lesson letter level library lid life lift light like lily limit line lion lip liquid list
listen little lizard load lobster local lock logic long loop lord loud love lucky lunch lung machine magic magnet mail main major make mango manner
map maple marble march market mask master match math matter meadow meal measure meat medal melody melon member memory mercy message metal meter middle
midnight might mile milk mill mind mineral minor minute mirror mistake mix model modern moment monday money monkey month moon morning moss mother
motion motor mountain mouse mouth move movie much mud muscle museum music mystery nail name napkin narrow nation nature navy near neck needle neighbor
nephew nest net never new news next nice night nine noble noise noon north nose note nothing novel number nurse nut oak oasis object ocean october
offer office often oil old olive once one onion only open opera orange orbit order organ other otter oven over owl owner oxygen oyster page paint pair
palace palm panda panel paper parade parent park parrot part party passage past pasta path patient pattern pause paw peace peach peanut pear pearl
pebble pen pencil penguin people pepper perfect person phone photo piano picnic picture piece pig pigeon pillow pilot pine pink pipe pirate pizza
place plain plan planet plant plastic plate play player please plenty plum pocket poem poet point polar police polite pond pony pool poor popcorn
post potato pottery powder power prairie present pretty price pride prince print prize problem program promise proud public pull pump pumpkin pupil
puppy purple purse push puzzle pyramid quality quarter queen question quick quiet quilt quiz rabbit raccoon race radio rail rain rainbow raisin random
range rapid rare rather raven reach read ready real reason recipe record red reef relax remember repair reply report rescue rest return rhythm ribbon
rice rich riddle ride right ring ripe river road roast robin robot rock rocket roof room root rope rose rough round route royal rubber rug ruler rumor
run rural rush sad saddle safe sail salad salmon salt same sample sand sandal satin sauce save scale scarf scene school science scissors score scout
screen sea seal search season seat second secret seed seem sell send sense seven shadow shake shape share shark sharp sheep sheet shelf shell shelter
shine ship shirt shoe shop shore short shoulder shovel show shower sick side sign silence silk silver simple sing sister six size skate sketch ski skill
skin skirt sky sleep slice slide slipper slow small smart smile smoke smooth snack snail snake snow soap soccer social sock soft soil solar soldier
solid some song soon sound soup south space spark speak special speed spell spend spice spider spinach spirit split sponge spoon sport spot spring
square squirrel stable staff stage stair stamp stand star start state station statue stay steam steel stem step stick still sting stock stone stop store
storm story stove strange straw stream street strong student studio subject sudden sugar suit summer sun sunday sunset supper sure surface surprise
swan sweater sweet swim swing sword symbol system table tail tailor talent talk tall tame target taste taxi tea teach teacher team tear temple ten tender
tennis tent thank theater thick thin thing thirty thread three throat throne thumb thunder ticket tide tiger timber time tiny title toast today toe tomato
tongue tool tooth topic torch total touch tower town toy track tractor trade traffic trail train travel tray treasure tree triangle trick trip truck true
trumpet trunk trust truth tulip tunnel turkey turn turtle twelve twenty twin two umbrella uncle under unicorn uniform union unit until upper useful usual
valley value vanilla vase vegetable velvet very vessel village vine violet violin visit voice volcano vote voyage wagon waist wait walk wall walnut walrus
want warm wash watch water wave wealth weather wedding week weight west whale wheat wheel when where whisper whistle white whole wide wild willow win wind
window wine wing winner winter wire wise wish wolf woman wonder wood wool word work world worm worry wound wrap wrist write wrong yard year yellow yes
yesterday yogurt young zebra zero zigzag zipper zone
expert router token cache layer prompt context window kernel memory checkpoint weights panel composer starglass session tensor attention hardware
software keyboard monitor desktop storage answer thinking transcript experience important beautiful different knowledge dangerous understand
adventure butterfly chocolate crocodile furniture happiness invisible lightning microscope newspaper orchestra passenger restaurant
strawberry telephone telescope university vacation watermelon wonderful yesterday basketball helicopter hamburger friendship grandmother
""".split()

_ONSETS = ["b", "bl", "br", "c", "ch", "cl", "cr", "d", "dr", "f", "fl", "fr", "g", "gl", "gr", "h", "j", "k", "kn", "l", "m", "n", "p", "ph", "pl",
           "pr", "qu", "r", "s", "sc", "sh", "sk", "sl", "sm", "sn", "sp", "st", "str", "t", "th", "tr", "v", "w", "wh", "x", "y", "z", ""]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "ee", "ie", "oa", "oo", "ou", "a", "e", "i", "o", "u", "y"]
_CODAS = ["", "", "", "b", "ck", "d", "f", "g", "l", "ll", "m", "n", "nd", "ng", "nt", "p", "r", "rd", "rk", "rt", "s", "ss", "st", "t", "tch", "x", "z"]
_ALPHA = "abcdefghijklmnopqrstuvwxyz"

SPELL = [
    "spell {w}", "spell the word {w}", "how do you spell {w}", "how is {w} spelled", "how do i spell {w}", "can you spell {w}",
    "please spell {w}", "spell out {w}", "spell {w} for me", "what is the spelling of {w}", "spelling of {w}", "give me the letters of {w}",
    "list the letters in {w}", "which letters are in {w}", "letters of {w}", "break {w} into letters", "split {w} into letters",
    "write {w} letter by letter", "say {w} letter by letter", "show me the letters of {w}", "how is the word {w} written", "spell this: {w}",
    "spell: {w}", "take {w} apart letter by letter", "{w} letter by letter", "the letters of the word {w}", "i want to spell {w}",
    "help me spell {w}", "could you spell the word {w}", "{w} spelled out",
]
REVERSE = [
    "reverse {w}", "reverse the word {w}", "spell {w} backwards", "write {w} backwards", "what is {w} backwards", "{w} backwards",
    "say {w} backwards", "turn {w} around", "how do you write {w} backwards", "reverse the letters of {w}", "reverse the letters in {w}",
    "read {w} from right to left", "write {w} from the end to the start", "flip {w}", "flip the word {w}", "what is the reverse of {w}",
    "reverse of {w}", "can you reverse {w}", "please reverse {w}", "reverse this: {w}", "reverse: {w}", "{w} in reverse", "mirror the word {w}",
    "give me {w} in reverse order", "put the letters of {w} in reverse order", "show {w} reversed", "how does {w} look backwards",
    "{w} reversed", "what do i get if i reverse {w}", "could you write {w} backward", "spell the word {w} backwards", "i want {w} backwards",
]
COUNT = [
    "how many letters are in {w}", "how many letters does {w} have", "how many letters in {w}", "count the letters in {w}",
    "count the letters of {w}", "number of letters in {w}", "how long is the word {w}", "how long is {w}", "what is the length of {w}",
    "length of {w}", "letter count of {w}", "how many letters has the word {w}", "can you count the letters in {w}", "count letters: {w}",
    "tell me how many letters {w} has", "how many characters are in {w}", "how many characters does {w} have", "the number of letters of {w}",
    "of how many letters is {w} made", "{w} has how many letters", "{w} - how many letters", "give me the letter count for {w}",
    "word length of {w}", "how many letters do i need to write {w}", "count {w}",
]
LETTERS = [
    "how many {c}'s are in {w}", "how many {c}'s in {w}", "count the letter {c} in {w}", "how often is {c} in {w}",
    "how many times does {c} appear in {w}", "how many times is the letter {c} in {w}", "number of {c}'s in {w}",
    "how many {c} letters does {w} have", "how often does {w} contain the letter {c}", "count the {c}'s in {w}",
    "how many {c} are in the word {w}", "does {w} contain {c}, and how often",
]
NTH = [
    "what is the {o} letter of {w}", "{o} letter of {w}", "which letter is the {o} in {w}", "tell me the {o} letter of {w}",
    "the {o} letter in {w}", "what letter is {o} in {w}", "give me the {o} letter of the word {w}", "which is the {o} letter of {w}",
    "what is the {o} letter in the word {w}", "name the {o} letter of {w}",
]
ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}


def is_heldout_word(word):
    """True for the fixed 6 % of words (four letters or more) that training never shows."""
    return len(word) >= 4 and zlib.crc32(("w:" + word.lower()).encode()) % 17 == 0


REAL = sorted(set(WORDS))
TRAIN_WORDS = [w for w in REAL if not is_heldout_word(w)]
HELDOUT_WORDS = [w for w in REAL if is_heldout_word(w)]


PIECES = []  # letters of the tokenizer's multi-letter tokens (set by data.py): each must be spelt, whole words of the text among them


def pseudo_word(rng):
    """Syllables, random letters, or a real beginning with a random end; 3 to 10 letters."""
    while True:
        r = rng.random()
        if PIECES and rng.random() < 0.4:
            w = rng.choice(PIECES) + "".join(rng.choice(_ALPHA) for _ in range(rng.randint(0, 2)))
        elif r < 0.45:
            w = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + (rng.choice(_CODAS) if rng.random() < 0.6 else "")
                        for _ in range(rng.randint(1, 4)))
        elif r < 0.75:
            w = "".join(rng.choice(_ALPHA) for _ in range(rng.randint(3, 10)))
        else:
            p = rng.choice(TRAIN_WORDS)
            w = p[:rng.randint(2, max(2, len(p) - 1))] + "".join(rng.choice(_ALPHA) for _ in range(rng.randint(1, 4)))
        if 3 <= len(w) <= 10 and not is_heldout_word(w):
            return w


def numbered(word):
    return "".join(f"{i}{c}" for i, c in enumerate(word, 1))


def numbered_down(word):
    return "".join(f"{i}{word[i - 1]}" for i in range(len(word), 0, -1))


def build(user, word, sub, arg=None, keep=()):
    """The turn for one task on one word."""
    word = word.lower()
    lines = [numbered(word)]
    if sub == "spell":
        text = answer = "-".join(word)
    elif sub == "reverse":
        lines.append(numbered_down(word))
        text = word[::-1]
        answer = f'"{text}"'
    elif sub == "count":
        text = str(len(word))
        answer = f"**{text}** letters"
    elif sub == "letters":
        hits = [i for i, c in enumerate(word, 1) if c == arg]
        lines.append(",".join(f"{i}{arg}={k}" for k, i in enumerate(hits, 1)) or "none")
        text = str(len(hits))
        answer = f"**{text}** times" if len(hits) != 1 else "**1** time"
    else:
        text = word[ORDINALS[arg]]
        answer = f"**{text}**"
    think = "\n".join(lines)
    return {"user": user, "think": think, "answer": answer, "steps_answer": f"```\n{think}\n```\n{answer}", "kind": KIND, "sub": sub,
            "expect": {"text": text, "word": word}, "keep": list(keep)}


def make(rng, word=None, sub=None, quoted=None):
    """One word task; the optional arguments fix a part of it."""
    if sub is None:
        r = rng.random()
        sub = "spell" if r < 0.30 else "reverse" if r < 0.68 else "count" if r < 0.89 else "letters" if r < 0.95 else "nth"
    if quoted is None:
        quoted = rng.random() < 0.50
    if word is None:
        word = rng.choice(TRAIN_WORDS) if rng.random() < (0.42 if quoted else 0.45) else pseudo_word(rng)
    arg = None
    if sub == "letters":
        arg = rng.choice(word) if rng.random() < 0.85 else rng.choice(_ALPHA)
    if sub == "nth":
        arg = rng.choice([o for o, i in ORDINALS.items() if i < len(word)])
    shown = word if rng.random() < 0.94 else word.capitalize()
    w = (f'"{shown}"' if rng.random() < 0.95 else f"'{shown}'") if quoted else shown
    table = {"spell": SPELL, "reverse": REVERSE, "count": COUNT, "letters": LETTERS, "nth": NTH}[sub]
    user = rng.choice(table).format(w=w, c=arg, o=arg)
    return build(user, word, sub, arg, keep=(shown,) + ((f"{arg}'s", arg) if sub == "letters" else ()))


if __name__ == "__main__":
    import random
    g = random.Random(3)
    print(len(REAL), "words,", len(HELDOUT_WORDS), "held out;", [len(t) for t in (SPELL, REVERSE, COUNT, LETTERS, NTH)])
    for _ in range(8):
        t = make(g)
        print(t["user"], "|", t["think"].replace("\n", " / "), "|", t["answer"])
    for _ in range(5000):
        assert not is_heldout_word(make(g)["expect"]["word"])

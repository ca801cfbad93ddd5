# SPDX-License-Identifier: MIT
"""Questions the built-in model declines: patterns, near misses, gibberish, and a held-out list.

make(rng) -> turn: {"user", "think", "answer", "steps_answer" (same as answer), "kind": "offtopic", "sub", "expect": {"refusal": True}}
There is one fixed refusal, so the net has to learn only one thing: "not about Starglass".
HELDOUT_OFFTOPIC: 200 hand-written questions; none of their subjects occurs in a training pattern or filler (checked below).
"""
import re

import smalltalk as _smalltalk
import tools as _tools
import words as _words

KIND = "offtopic"
THINK = "Not about Starglass."
REFUSAL = ("Sorry, that is beyond me. I am the tiny guide inside Starglass: I know this program, small sums and words. "
           "For everything else, load the **real model** and ask it.")

F = {}


def _fill(name, text):
    F[name] = [x.strip() for x in text.replace("\n", " ").split(",") if x.strip()]


_fill("country", """france, italy, spain, germany, japan, china, india, brazil, canada, mexico, peru, chile, egypt, kenya, nigeria, morocco, turkey,
greece, norway, sweden, finland, denmark, poland, austria, hungary, portugal, ireland, scotland, england, wales, russia, ukraine, iran, iraq, israel,
jordan, thailand, vietnam, korea, indonesia, malaysia, australia, argentina, colombia, cuba, jamaica, iceland, belgium, the netherlands,
switzerland, romania, bulgaria, serbia, croatia, albania, ghana, ethiopia, tanzania, zambia, pakistan, nepal, mongolia, bolivia, ecuador, panama, america, the usa""")
_fill("city", """paris, london, rome, berlin, madrid, vienna, prague, tokyo, beijing, delhi, mumbai, cairo, moscow, new york, chicago, boston, miami, seattle,
los angeles, toronto, montreal, sydney, dublin, lisbon, oslo, stockholm, helsinki, athens, istanbul, dubai, bangkok, singapore, hong kong, seoul, lima,
rio, havana, warsaw, budapest, amsterdam, brussels, zurich, geneva, milan, venice, florence, naples, barcelona, munich, hamburg, cologne, lyon, nice, texas, california,
florida, bavaria, tuscany, hawaii, siberia, london bridge, manchester, glasgow""")
_fill("animal", """cat, dog, horse, cow, pig, sheep, goat, lion, tiger, bear, wolf, fox, elephant, giraffe, monkey, rabbit, mouse, rat, hamster, parrot, eagle,
owl, duck, goose, chicken, penguin, shark, whale, dolphin, salmon, trout, frog, snake, lizard, turtle, crocodile, spider, ant, bee, wasp, butterfly, mosquito, fly, worm,
snail, octopus, crab, lobster, kangaroo, camel, deer, zebra, hippo, rhino, panda, koala, bat, squirrel, hedgehog, dinosaur, dragon, puppy, kitten, pony""")
_fill("food", """pizza, pasta, bread, soup, rice, cake, pancakes, cookies, lasagna, curry, sushi, tacos, salad, apple pie, ice cream, cheese, chocolate, pudding,
stew, chili, meatballs, burgers, french fries, roast chicken, fried eggs, omelette, porridge, risotto, dumplings, noodles, muffins, waffles, jam, bacon, steak,
beans, lentils, potatoes, tomato sauce, garlic bread, banana bread, cheesecake, brownies, tea, coffee, lemonade, beer, wine, a cocktail, a smoothie, a sandwich,
a boiled egg, pickles, kebab, paella, goulash, hummus, guacamole, tofu, popcorn, pumpkin soup, mashed potatoes""")
_fill("person", """the president, the king, the queen, the pope, napoleon, einstein, newton, shakespeare, mozart, beethoven, bach, picasso, van gogh, da vinci, caesar,
cleopatra, gandhi, lincoln, washington, churchill, columbus, darwin, galileo, plato, aristotle, socrates, marie curie, tesla, edison, elvis, the beatles, madonna,
michael jackson, taylor swift, harry potter, batman, superman, spiderman, sherlock holmes, james bond, mickey mouse, santa claus, jesus, buddha, my neighbour,
the prime minister, the mayor, obama, trump, elon musk, bill gates, steve jobs, messi, ronaldo, tolstoy, goethe, dante, homer, zeus, thor, hercules, robin hood""")
_fill("job", """doctor, nurse, lawyer, teacher, pilot, farmer, cook, baker, plumber, singer, actor, dancer, painter, writer, poet, soldier, sailor, fisherman, builder,
carpenter, electrician, mechanic, driver, judge, priest, scientist, chemist, astronaut, firefighter, police officer, detective, journalist, photographer, tailor,
hairdresser, barber, dentist, vet, gardener, waiter, manager, banker, accountant, librarian, architect, politician, coach, referee, musician, composer of music""")
_fill("science", """gravity, evolution, dna, atoms, electrons, black holes, the sun, the moon, the stars, mars, jupiter, the big bang, quantum physics, relativity, magnets, electricity,
light, sound waves, volcanoes, earthquakes, rainbows, clouds, lightning, oceans, tides, photosynthesis, cells, bacteria, viruses, the brain, the heart, blood, bones, muscles, genes, oxygen,
hydrogen, carbon, gold, iron, water, acid, energy, friction, pressure, temperature, global warming, climate change, fossils, dinosaurs, ecosystems, vitamins, hormones, nuclear power,
solar panels, lasers, radio waves, planets, comets, galaxies, chemistry, biology, geology, astronomy, algebra, geometry, calculus, the periodic table""")
_fill("film", """star wars, titanic, avatar, the lion king, the godfather, frozen, jaws, rocky, alien, the matrix, shrek, king kong, casablanca, toy story, hamlet, romeo and juliet,
the hobbit, the lord of the rings, moby dick, the bible, don quixote, dracula, frankenstein, alice in wonderland, peter pan, pinocchio, cinderella, snow white, the simpsons, friends,
game of thrones, star trek, doctor who, breaking bad, the office, the odyssey, war and peace, robinson crusoe, treasure island, oliver twist""")
_fill("sport", """football, soccer, tennis, golf, basketball, baseball, hockey, rugby, cricket, swimming, running, cycling, skiing, boxing, judo, karate, chess, poker, volleyball,
table tennis, badminton, surfing, sailing, climbing, dancing, yoga, gymnastics, the olympics, the world cup, the super bowl, the tour de france, formula one, the marathon, bowling,
darts, snooker, wrestling, rowing, fishing, horse riding, skateboarding, archery, fencing""")
_fill("illness", """a headache, a cold, the flu, a fever, a cough, back pain, a sore throat, a toothache, stomach pain, a broken leg, diabetes, cancer, asthma, allergies, high blood pressure,
acne, a rash, hay fever, insomnia, stress, depression, anxiety, migraine, anemia, a burn, a cut, a sunburn, a mosquito bite, dizziness, nausea, a hangover, obesity, arthritis, covid,
measles, malaria, a sprained ankle, dry skin, hair loss, a nosebleed, hiccups, knee pain, heart disease, a stroke, food poisoning""")
_fill("language", """french, spanish, german, italian, japanese, chinese, russian, arabic, greek, latin, portuguese, dutch, swedish, polish, turkish, hindi, korean, hebrew, finnish,
danish, norwegian, czech, hungarian, romanian, irish, welsh, swahili, persian, thai, vietnamese, ukrainian, esperanto""")
_fill("code", """a python script, a web page, a game in javascript, a sorting function, a c program, a shell script, an sql query, a regular expression, a java class, a rust program,
a todo app, a calculator in python, a website, an iphone app, a database, a linked list, a binary search, a snake game, a chat bot, a web server, a spreadsheet formula, a css style,
an html form, a login page, a discord bot, a scraper, a prime number test, a hash table, a quicksort, a hello world, unit tests, a makefile, a dockerfile, a loop in go""")
_fill("software", """excel, word, powerpoint, photoshop, windows, linux, macos, android, firefox, chrome, gmail, outlook, whatsapp, facebook, instagram, youtube, netflix, spotify, zoom,
minecraft, fortnite, tetris, wikipedia, google maps, amazon, ebay, tiktok, twitter, git, docker, python, java, javascript, blender, gimp, steam, my phone, my printer, my router at home,
bluetooth, my tv, my car, my bike, the washing machine, the fridge, the oven, my camera, siri, alexa, chatgpt, the internet, my email, skype, paypal, bitcoin, an iphone, a playstation""")
_fill("event", """the french revolution, world war two, world war one, the roman empire, the cold war, the middle ages, the moon landing, the renaissance, the stone age, the ice age, the civil war,
the fall of the berlin wall, the industrial revolution, the black death, the crusades, the vikings, the aztecs, the great wall, the pyramids, the sinking of the titanic, the battle of waterloo,
the american revolution, the russian revolution, the discovery of america, the invention of the wheel, the first olympic games, the great fire of london, the gold rush""")
_fill("law", """copyright, divorce, taxes, a parking ticket, rent, a contract, a will, insurance, a patent, a visa, citizenship, a passport, a driving licence, a speeding fine, inheritance, bail,
a lawsuit, minimum wage, child support, the constitution, human rights, a mortgage, a loan, a pension, a refund, a trademark, self defence, theft, fraud, smoking in bars, voting""")
_fill("thing", """a house, a car, a boat, a kite, a table, a chair, a garden, a tent, a fire, a snowman, a paper plane, a bird house, a shelf, a dress, a scarf, a hat, a cake stand, a sofa, a lamp,
a candle, soap, a necklace, a guitar, a piano, a drum, a violin, a bicycle, a skateboard, a swimming pool, a fence, a wall, a door lock, a bed, a mirror, a carpet, a window curtain, a knife, a watch,
a phone case, a backpack, shoes, gloves, an umbrella, a wedding ring, a birthday card, a treehouse, a fish tank""")
_fill("topic", """love, friendship, happiness, death, war, peace, god, religion, money, work, school, children, marriage, politics, democracy, freedom, art, music, fashion, travel, holidays, nature,
history, philosophy, poetry, sleep, dreams, fear, anger, hope, justice, truth, beauty, time travel, aliens, ghosts, magic, luck, the meaning of life, the weather, cooking, gardening, sports, cars,
trains, airplanes, ships, castles, knights, pirates, cowboys, dragons, unicorns, fairies, vampires, zombies, autumn, winter, summer, spring, christmas, easter, halloween, birthdays""")
_fill("sentence", """good morning, i love you, where is the train station, how much does it cost, i am hungry, the cat sleeps, see you tomorrow, happy birthday, the weather is nice, my name is john,
thank you very much, the house is red, water, bread, friend, dog, my mother is a teacher, i would like a coffee, good night, the book is on the table, cheers, welcome home""")
_fill("person2", """mother, father, brother, sister, wife, husband, son, daughter, boss, friend, girlfriend, boyfriend, grandmother, uncle, aunt, cousin, teacher, dog, cat, baby, roommate, colleague""")
_fill("day", """today, tomorrow, tonight, this weekend, next week, on monday, on friday, this summer, in winter, next month, this evening, at christmas""")

PATTERNS = """
what is the capital of {country}|the capital of {country}|capital city of {country}|where is {country}|where is {city}|how far is {city} from {city2}|how big is {country}
how many people live in {country}|population of {city}|what language do they speak in {country}|what money do they use in {country}|who rules {country}|who is the president of {country}
is {city} in {country}|what is the flag of {country}|tell me about {country}|tell me about {city}|best time to visit {city}|what can i see in {city}|hotels in {city}|flights to {city}
cheap flights from {city} to {city2}|restaurants in {city}|how do i get from {city} to {city2}|plan a trip to {country}|do i need a visa for {country}|is {country} safe|history of {country}
what to eat in {country}|which river flows through {city}|what time zone is {city} in|map of {country}|neighbours of {country}|is {country} bigger than {country2}|highest mountain in {country}
what is the weather {day}|will it rain {day}|weather in {city}|how warm is it in {city}|is it snowing in {city}|do i need an umbrella {day}|weather forecast for {city}|temperature in {city} {day}
how cold is it {day}|will there be a storm {day}|is it sunny in {country}|when does the sun set in {city}
how do i cook {food}|recipe for {food}|how to make {food}|give me a recipe for {food}|what goes into {food}|how long does {food} take in the oven|is {food} healthy|how many calories has {food}
what wine goes with {food}|who invented {food}|where can i buy {food}|can i freeze {food}|best {food} in {city}|i am hungry, i want {food}|how do i make {food} without sugar|do you like {food}
what should i cook {day}|order me {food}|can my {person2} eat {food}|how is {food} made|vegan {food}|what is in {food}|my {food} is burnt
what do {animal}s eat|how long does a {animal} live|how fast is a {animal}|how big is a {animal}|where do {animal}s live|can a {animal} swim|how many legs has a {animal}|is a {animal} dangerous
what sound does a {animal} make|tell me about {animal}s|why do {animal}s sleep|can i keep a {animal} at home|my {animal} is sick|how do i train a {animal}|names for my {animal}|do {animal}s dream
how much does a {animal} weigh|what is a baby {animal} called|draw a {animal}|who would win, a {animal} or a {animal2}|are {animal}s smart|is the {animal} a mammal|i was bitten by a {animal}|i like {animal}s
who is {person}|who was {person}|when was {person} born|how old is {person}|where does {person} live|how did {person} die|what did {person} do|how tall is {person}|is {person} married
how rich is {person}|what do you think of {person}|tell me a story about {person}|did {person} have children|quotes by {person}|why is {person} famous|who killed {person}|write a letter to {person}
when did {person} live|is {person} real|what did {person} invent|{person} biography
how do i become a {job}|what does a {job} do|how much does a {job} earn|what do i study to be a {job}|i need a {job}|is {job} a good job|find me a {job} in {city}|my {job} is late
should i be a {job} or a {job2}|write a job application as a {job}|interview questions for a {job}|act as a {job}|you are now a {job}|day of a {job}
what is {science}|explain {science}|how does {science} work|why is there {science}|who discovered {science}|what causes {science}|tell me about {science}|give me facts about {science}
help me with my homework on {science}|is {science} dangerous|explain {science} to a child|write an essay about {science}|what is the formula for {science}|how far away is {science}|what is {science} made of
i have a test about {science}|how big is {science}|what is the difference between {science} and {science2}|how was {science} found|how old is {science}
have you seen {film}|who wrote {film}|who directed {film}|what is {film} about|how does {film} end|summary of {film}|who plays in {film}|when did {film} come out|is {film} good|recommend a film like {film}
where can i watch {film}|best scene in {film}|what is the moral of {film}|quote from {film}|how long is {film}|who dies in {film}|the main character of {film}
who won {sport} yesterday|rules of {sport}|how do i get better at {sport}|who is the best at {sport}|when is the next {sport} match|score of the {sport} game|teach me {sport}|is {sport} good for kids
who invented {sport}|how long does a {sport} match last|how many players are in {sport}|do you play {sport}|tickets for {sport}|{sport} results|what do i need for {sport}
i have {illness}|how do i treat {illness}|what helps against {illness}|what causes {illness}|is {illness} dangerous|medicine for {illness}|should i see a doctor about {illness}|home remedy for {illness}
my {person2} has {illness}|can i work with {illness}|symptoms of {illness}|how long does {illness} last|can i get {illness} twice|which pills for {illness}|is {illness} contagious
translate {sentence} into {language}|how do you say {sentence} in {language}|what is {sentence} in {language}|teach me {language}|is {language} hard to learn|do you speak {language}
write this in {language}: {sentence}|what does {sentence} mean in {language}|how do i learn {language} fast|{language} for beginners|can you answer in {language}|how many people speak {language}
translate this to {language}|the {language} word for {sentence}|{language} grammar|correct my {language}
write {code}|write me {code}|how do i write {code}|fix my bug in {code}|show me {code}|i need {code}|can you code {code}|debug {code}|explain how {code} works|make {code} for me|help me with {code}
create {code} that works|what is wrong with {code}|generate {code}|best way to build {code}|review {code}
how do i install {software}|how do i use {software}|{software} does not work|why is {software} slow|how do i fix {software}|is {software} free|what is {software}|how do i update {software}
how do i reset {software}|who made {software}|how do i delete {software}|open {software}|my password for {software}|{software} or {software2}|is {software} safe|how do i turn off {software}|{software} crashed
how do i save a file in {software}|start {software}|settings of {software}|how much does {software} cost|download {software}|close {software}
when was {event}|why did {event} happen|tell me about {event}|who won {event}|how long did {event} last|what ended {event}|explain {event}|what happened in {event}|write an essay on {event}
important people in {event}|how many people died in {event}|causes of {event}|what came after {event}|was {event} good or bad
is {law} legal|tell me about {law}|how do i get {law}|what is the law on {law}|do i need a lawyer for {law}|how much does {law} cost|my {person2} and {law}|how do i avoid {law}|can i be punished for {law}
explain {law}|who pays for {law}|how do i write {law}|what are my rights with {law}|in which country is {law} free
how do i build {thing}|how do i repair {thing}|how much is {thing}|where can i buy {thing}|how do i clean {thing}|what is the best {thing}|i lost {thing}|draw {thing}|how old is {thing}
is {thing} a good present for my {person2}|how do i paint {thing}|i want to sell {thing}|who invented {thing}|describe {thing}|design {thing}|what color is {thing}|how heavy is {thing}|i bought {thing}
write a poem about {topic}|tell me a story about {topic}|tell me a joke about {topic}|what do you think about {topic}|write a song about {topic}|what is {topic}|give me a quote about {topic}
do you believe in {topic}|let us talk about {topic}|why do people like {topic}|write an essay about {topic}|talk to me about {topic}|ideas for {topic}|is {topic} important|write a haiku about {topic}
discuss {topic}|what is the history of {topic}|a book about {topic}|how do i explain {topic} to my {person2}|i am thinking about {topic}|what does {topic} mean to you|facts about {topic}
what should i give my {person2} for a birthday|my {person2} is angry with me|how do i talk to my {person2}|write a letter to my {person2}|my {person2} is sad|how old is my {person2}|where is my {person2}
i miss my {person2}|does my {person2} love me|what is the name of my {person2}|my {person2} does not sleep|a poem for my {person2}|call my {person2}|send a message to my {person2}|i had a fight with my {person2}
what should i do {day}|what is on tv {day}|remind me {day} to call my {person2}|set an alarm for {day}|is the shop open {day}|what should i wear {day}|i am bored {day}|book a table for {day}
play some music|play a song|sing a song|tell me the news|what is the news {day}|who won the election|who should i vote for|what is the price of gold|stock price of apple|how do i get rich|how do i lose weight
how do i save money|how do i find a girlfriend|how do i sleep better|how do i stop smoking|what is the meaning of life|is there a god|are aliens real|how old is the earth|how far is the moon|how many stars are there
what is the largest country|longest river in the world|highest mountain in the world|deepest ocean|fastest car|richest man in the world|tallest building|smallest bird|oldest tree|biggest city
how do i tie a tie|how do i change a tire|how do i remove a stain|how do i fix a leak|how do i plant tomatoes|how do i get a job|how do i write a resume|how do i open a bank account|how do i load a truck
how do i load a dishwasher|how do i open a wine bottle|how do i store potatoes|how do i keep a secret|how do i run faster|how do i start a business|how do i close a window at home|how do i stream a film on tv
what is the hit song of the year|who is an expert on wine|find an expert for my roof|i need a guide for {city}|tourist guide to {country}|a model for a photo shoot|which car model is the best|who is a famous fashion model
memory tricks for exams|why do i forget things|my memory is getting worse|how do i train my memory|how do i think positive|what are you thinking about {topic}|stop thinking about {topic}|think of a number
how many layers has a cake|layers of the earth|layers of the skin|where is the next bus stop|where is my wallet|speed of light|speed of a {animal}|how fast can {person} run|checkpoint on the road to {city}
how do i drive to {city}|hard drive to {city}|the road to {city}|token for the laundry|prize money|how do i attract attention|pay attention in class|a window seat to {city}|clean the windows|window cleaner in {city}
my chat with my {person2}|the session with my {job}|panel of judges|wooden panel|chart of hits|star signs|what is my horoscope|am i a leo|tell me my future|read my palm|glass of water|stars over {city}
starfish|glass blowing|star chart of {city}|how is glass made|what are stars made of|heat a pizza|map of the city|load the gun|spell a magic spell|reverse the car|count the people in {country}
write a long story|tell me something interesting|tell me a secret|write a rap|make up a riddle|give me a riddle|tell me a fairy tale|write a speech for a wedding|write an email to my boss
summarize this article|correct this text|rewrite this sentence|make this shorter|write a product description|write a review of a restaurant|suggest a title for my book|write an ad for {thing}|essay on {topic}
who are the {job}s in {city}|why is the sky blue|why is grass green|why do we sleep|why do cats purr|why is the sea salty|why do people lie|why do onions make me cry|where do babies come from|what is love
how many days are in a year|how many weeks has a year|how many bones has a human|how many teeth has a {animal}|how many states has america|how many continents are there|what is the square root of sixteen
what is pi|solve x squared equals nine|what is the derivative of x|prove that there are many primes|convert miles to kilometers|how many grams in a pound|how many cups in a liter|convert dollars to euros
roll a dice|flip a coin|pick a card|pick a color|what is your favorite food|favorite film|what is your favorite {animal}|have you been to {country}|do you want {food}|are you from {country}
show me a picture of a {animal}|draw me a picture of {city}|generate an image of {thing}|paint {person}|make a video about {topic}|record my voice|take a photo|turn on the light|open the door|call a taxi to {city}
""".replace("\n", "|")
PATTERNS = [p.strip() for p in PATTERNS.split("|") if p.strip()]

# Frames for any noun at all: the default for an unknown subject is to decline.
GENERIC = """
what is {x}|what is a {x}|what is the {x}|explain {x}|tell me about {x}|how does {x} work|how does a {x} work|where is the {x}|where do i find a {x}|how do i open the {x}|how do i make a {x}|why is my {x} slow
what does {x} mean|how many {x}s are there|how big is a {x}|show me the {x}|why is the {x} {y}|how do i change my {x}|can you {x} the {y}|do you have a {x}|is the {x} a {y}|what is the difference between {x} and {y}
i want a {x}|my {x} is broken|how do i clean the {x}|who made the {x}|when is the {x}|the {x} and the {y}|{x}|{x} {y}|{x}?|what about the {x}|how much does the {x} cost|can i use a {x} for the {y}|which {x} is the best
describe the {x}|where does the {x} come from|i need help with my {x}|what happens to the {x}|how do i stop the {x}|can the {x} {y}|why do i need a {x}|what is {x} for|how do i set the {x}|is there a {x} in the {y}
what do i do with a {x}|the {x} does not {y}|how do i get rid of {x}|where are the {x}s|how long does the {x} take|what color is the {x}|how do i remove a {x} from the {y}|does the {x} have a {y}|which {y} has the {x}
how do i see the {x}|why does the {x} {y}|turn off the {x}|start the {x}|close the {x}|what does the {x} show|what does the {y} of the {x} say|how do i save the {x}|how do i load the {x}|give me a {x}|write a {x} about {y}
is {x} good for {y}|who is {x}|i see a {x}, what is it|what is the best {x} for a {y}|how fast is the {x}|how many {x}s do i need|what is a good {x}|do i need a {x} for {y}|how can i find {x}|{x} or {y}|list of {x}s|history of {x}
""".replace("\n", "|")
GENERIC = [p.strip() for p in GENERIC.split("|") if p.strip()]

# question|subject; the subject must not occur in any pattern or filler.
_HELDOUT = """
which gas do we breathe out|breathe out;what year did the berlin airlift start|airlift;how do magpies build their nests|magpie;who painted the sistine chapel|sistine;suggest a name for my sailing yacht|yacht
what is the boiling point of mercury|mercury;how do i knit a cardigan|cardigan;can you recommend a podcast|podcast;what was the ottoman empire|ottoman;how do i file for bankruptcy|bankruptcy
why do leaves turn brown|leaves;what is a sonnet|sonnet;how is paper recycled|recycled;which vaccine do babies get first|vaccine;what does a sommelier do all day|sommelier
how do i get wax out of a tablecloth|tablecloth;who composed the four seasons|seasons;what is the tallest waterfall|waterfall;how many strings has a harp|harp;is it bad to skip breakfast|breakfast
how do i whistle with two fingers|fingers;which tea is best against nerves|nerves;what are the duties of a senator|senator;how do i grow basil on a balcony|basil;explain inflation to me|inflation
what is a mortgage broker|broker;when did the dodo die out|dodo;why do bridges sway|sway;how do i unclog a sink|unclog;what is the plot of macbeth|macbeth
which vegetables grow in shade|vegetables;tell me the lyrics of yellow submarine|lyrics;how is cement made|cement;where can i donate blood plasma|plasma;what is a hedge fund|hedge fund
how many moons does saturn have|saturn;who founded rome's rival carthage|carthage;how do i fold a fitted sheet|fitted;what does an archbishop wear|archbishop;why is venus so hot|venus
what is the offside rule|offside;how do i write a cover letter|cover letter;how do i sharpen scissors|sharpen;what is jazz|jazz;name three famous operas|operas
what is the currency of denmark called|currency;how do i apply for a scholarship|scholarship;how does a submarine dive|dive;what causes tornadoes|tornado;what is a good workout for arms|workout
which herbs go with lamb|herbs;who was the first woman in space|woman;how do i descale a kettle|descale;how many calories do i burn walking|walking;where did the mayans live|mayan
how do i calm a crying toddler|toddler;what is the best mattress|mattress;how do i read sheet music|sheet music;how do glaciers form|glacier;can dogs eat grapes|grapes
how do i bleed a radiator|radiator;what is feng shui|feng;who invented the telephone|telephone;why do zebras have stripes|stripes;how do i poach salmon|poach
how long should i boil broccoli|broccoli;what are the ten commandments|commandments;tell me about samurai|samurai;what is the tax on cigarettes|cigarettes;how do i breed guppies|guppies
which perfume smells of roses|perfume;how deep is lake baikal|baikal;give me tips for public speaking|public speaking;what is a black belt worth|belt;what is the gdp of portugal|gdp
who sang bohemian rhapsody|rhapsody;how do i make my own shampoo|shampoo;what is a tax deduction|deduction;how do i get chewing gum off a jacket|chewing;explain supply and demand|demand
when is the next solar eclipse|eclipse;what do carpenters use a plane for|plane for;how do i waterproof boots|waterproof;what is a stem cell|stem cell;can i fly with a pregnant belly|pregnant
how do i cure ham|ham;who wrote the communist manifesto|manifesto;how do i juggle|juggle;what are the symptoms of scurvy|scurvy;who lives in the vatican|vatican
what is the longest tunnel|tunnel;how do i say goodbye in cantonese|cantonese;what is a limerick|limerick;make me a workout plan for abs|abs;which birds cannot fly|cannot fly
how do i start a podcast about knitting|knitting;what is a leap year|leap;how do i potty train a child|potty;what was the watergate scandal|scandal;how many islands does greece have|islands
how is silk produced|silk;what is the smallest bone|smallest bone;how do i write a eulogy|eulogy;can you explain bitcoin mining rigs|rigs;how do i grill corn|grill
what was the name of caesar's horse|caesar's;does honey go bad|go bad;how do i patch a bicycle tube|bicycle tube;what is modern architecture|modern;is olive oil good for hair|olive
which mushrooms are poisonous|mushroom;what is a filibuster|filibuster;how do i stop my nose from running|nose;who built stonehenge|stonehenge;what is tap dancing|tap
what should a newborn weigh|newborn;how do i wrap a gift|wrap;how do i dye wool|dye;who is the patron saint of travellers|saint;what is cubism|cubism
how do i play the harmonica|harmonica;what are sunspots|sunspots;how hot is lava|lava;how do i make a compost heap|compost;what is the hippocratic oath|oath
why was the eiffel tower built|eiffel;how do i negotiate a salary|salary;how do i climb mount fuji|fuji;do plants feel pain|feel;what rhymes with orange|rhymes
how do i get over a breakup|breakup;how many litres of milk does a farm give|milk;when do hedges need trimming|trimming;how do i make kimchi|kimchi;what is a kilowatt hour|kilowatt
how are pearls made|pearl;how do i choose a stroller|stroller;who was attila|attila;what is a good opening in checkers|checkers;how do i fly a drone|drone
write a birthday toast for grandpa|grandpa;how do i darn socks|socks;what is the moral of the tortoise and the hare|tortoise;why do knees crack|crack;what is an offshore company|offshore
what is the best fertilizer|fertilizer;who was the sun king|sun king;how do i oil a squeaky hinge|squeaky;how do i find water in a desert|desert;what is a palindrome sentence in finnish|palindrome
what is baroque music|baroque;how do i dance the tango|tango;which planet has rings|rings;how do i cook rice in coconut milk|coconut;how do i ask someone out|someone out
what is whiplash|whiplash;what is the population of crete|crete;what does an embassy do|embassy;how do i make slime|slime;how do i hang wallpaper|wallpaper
is it rude to yawn|yawn;who owns antarctica|antarctica;how do i read a barometer|barometer;what is the story of noah's ark|ark;what is umami|umami
how do i learn to drive a stick shift|shift;how do i take care of an orchid|orchid;who was joan of arc|joan;do vegetarians eat fish|vegetarian;how do parachutes work|parachute
what is the safest seat on an airplane|safest;how do i iron a shirt|shirt;how do i make friends in a new town|new town;what is reincarnation|reincarnation;how do i use chopsticks|chopsticks
what are the colors of the irish banner|banner;how many eggs do hens lay|hens;what is the rent for a studio in boston|studio;tell me about the maori|maori;how do i get rid of moths|moths
how do i prune an apple tree|prune;what is the opposite of brave|opposite;who designed the opera house in sydney|opera house;how do i remove nail polish|polish;what is caviar|caviar
how do i set up camp in the woods|woods;what are tarot cards|tarot;how long is the nile|nile;how do i host a dinner party|host;why do stars twinkle|twinkle
how do i pay less for electricity|pay less;what was the bronze age|bronze;how do i tune a ukulele|ukulele;give me a slogan for a bakery|slogan;what is a trilobite|trilobite
how do i shuck oysters|shuck;what is a zodiac calendar|zodiac;how do i crochet a blanket|crochet;who was ramses|ramses;what does a chiropractor charge|chiropractor
how do i season a wok|wok;why do cheetahs sprint|cheetah
""".strip().replace("\n", ";")
HELDOUT = [tuple(x.strip() for x in q.split("|")) for q in _HELDOUT.split(";") if q.strip()]
HELDOUT_OFFTOPIC = [q for q, _ in HELDOUT][:200]
_SUBJECTS = [s for _, s in HELDOUT]


_KNOWN = {p for i in _smalltalk.INTENTS for p in i["phrases"]}.union(_tools.TIME, _tools.DATE, _tools.DAY, _tools.YEAR, _tools.MONTHS)


def _program_words():
    """Every word the facts use, so that random nouns never look like a real question; fills _KNOWN, the wordings that have an answer."""
    out = set("time date clock hour day year calculator letter letters word spell reverse count plus minus add sum number help name".split())
    for module in ("facts_program", "facts_model"):
        try:
            facts = __import__(module).FACTS
        except Exception:  # not written yet, or being edited
            continue
        for fact in facts:
            _KNOWN.update(fact["phrases"])
            for p in fact["phrases"]:
                out.update(re.findall(r"[a-z]+", p.lower()))
    for module in ("facts_more", "facts_more_a", "facts_more_b", "facts_more_c", "facts_more_d", "facts_more_e", "facts_more_f"):
        for phrases in __import__(module).MORE.values():
            _KNOWN.update(phrases)
            for p in phrases:  # words of long questions are everyday words, those of short ones carry the meaning
                if len(p.split()) <= 3:
                    out.update(re.findall(r"[a-z]+", p.lower()))
    return out


_MORE_NOUNS = """abbey accordion acorn actress admiral adventure album alley almond alphabet ambulance anchor angel ankle antelope antique apartment apron aquarium arena armchair
armour arrow ashtray asparagus asteroid athlete attic auction aunt avocado badger bagpipe bakery balcony ballet balloon ballot banjo banner barbecue barley barn barracks basement basil
basin basket bathtub battalion beach beaver bedroom beehive beetle belly berry bible bicycle bishop blackberry blanket blizzard blossom blouse bonfire bouquet bracelet brewery brick bride
broom bruise brush bucket buffalo bungalow burglar butcher butler buttermilk cabbage cactus campfire canal canary candy canoe canyon cape caramel caravan carnival carrot cartoon cashier
cathedral cauliflower cavalry caveman celery cellar cello cemetery ceremony chainsaw chamber champagne chapel charcoal chariot cheek cherry chestnut chimney chin chopper choir cider
cigar cinema cinnamon circus clarinet classroom clay cliff clinic cloak clover clown coach coast cobra cockpit coconut coffin coin colonel comedy conductor convent cookie copper coral
corridor cottage cotton countess coyote cradle cranberry crayon cream creek cricket crocus crown crumb cucumber cupboard curtain cushion custard dagger daisy dam dandelion daughter
dentures deputy dessert diamond diaper diary dice diesel dinner diploma dishwasher ditch dolphin donkey doorbell dough dove drawer driveway drought drum duchess dungeon dwarf earring
earthworm eclipse eel elbow elevator emerald emperor engagement envelope eyebrow eyelash factory falcon farm feather ferry festival fiddle fig filmmaker fireplace firework flamingo
flannel flask flea fleet flour flute foal foam forehead fortress fossil fountain freckle freezer fridge frost fudge funeral fur furnace galaxy gallery garage garlic garment gasoline
gazelle genie giant gin ginger glacier glove goat goblin goggles goldfish goose gorilla gown grain granite grape grapefruit grasshopper gravel gravy greenhouse grocery guest guitar
gymnast hail hairbrush halibut hammer hammock handkerchief harbour harness harp harvest hatchet hay hazelnut heel helicopter helmet herb hermit heron herring highway hill hip
hitchhiker honeymoon hoof hook horn hornet horseshoe hospital hotel hound housewife hurricane husband hut hyena iceberg icicle igloo infant inn insect island ivory ivy jacket jaguar
jail jar jasmine jaw jeans jelly jellyfish jewel jockey juice jungle jury kangaroo kebab kettle kidney kilt kingdom kiosk kite kitten knee knight koala lace ladder ladle lagoon lake
lamb lantern lava lavender lawn lawnmower leather leek legend lemon leopard lettuce lighthouse lily lime limousine linen lion lip lipstick liver llama lobby lobster locket lumber lung
magician magnet magpie mammoth mango manor maple marble marmalade marriage marsh mascara massage mattress mayonnaise meadow meat medal melon mermaid merchant meteor midwife millionaire
mint miracle mitten moat mole monastery monk monsoon moose moss motel moth motorcycle mountain moustache mud mule mummy museum mushroom mustard mutton napkin navy necklace needlework
nephew nightingale noodle nostril notary novelist nun nut nutmeg oak oar oasis oats octopus olive onion opera orchard orchestra orchid organist orphan ostrich otter oven owl oyster
paddle pajamas palace palm pancake pantry papaya parade parachute parcel parent parliament parrot parsley passenger pastry pavement peach peacock peanut pear pebble pelican
pepper pheasant pickaxe picnic pie pier pigeon pillow pilgrim pimple pineapple pistol pistachio pitcher plaza plum plumber pocket podium polar pond ponytail poppy porcelain porch
porcupine pork portrait postcard postman potato pottery prawn preacher pretzel priest prince princess prison propeller prophet prune puddle puma pumpkin puppet purse pyramid quail
quarry quilt rabbi raccoon racket radish raft railway rainforest raisin ranch raspberry rattle raven razor reindeer restaurant rhubarb ribbon rice riddle rifle river roast robe robin
rocket roof rooster rose ruby rug rum runway rye sailor salmon salt sandal sandwich satellite sauce sauna sausage saxophone scarecrow scarf sculpture seagull seal seaweed shampoo
sheriff shepherd shirt shore shovel shrimp shrine sibling sidewalk silk silver sink siren skeleton skirt skull skyscraper sled sleeve slipper sloth snail sneaker snowflake soap soda
sofa soldier spaghetti spear spice spinach sponge spoon squid stable stadium stallion statue steak stepmother sting stocking stomach stool stork stove straw strawberry street submarine
suburb subway sugar suitcase sunflower sunset supermarket surgeon swamp swan sweater sword syrup tailor tangerine taxi teapot telescope temple tennis tent termite theatre thigh throne
thumb thunder tiger toad toaster tobacco toe toilet tomb tongue tooth toothpaste tornado tortoise toucan towel tractor traffic trampoline treasure tribe tricycle trombone trophy
trout trousers trumpet tulip tuna tunnel turkey turnip turtle tuxedo twin ukulele umbrella uncle underwear uniform valley vampire vanilla vase vegetable veil velvet village vinegar
violin virgin vodka volcano vulture waffle waist waitress wallet walnut walrus wardrobe warrior wasp waterfall watermelon wax wedding weed whale wheat wheelbarrow whisky widow wig
willow windmill wine wizardry wolf womb wool wreath wrist yacht yarn yeast yoghurt zebra zipper zoo"""

_HELD_WORDS = set(re.findall(r"[a-z]+", " ".join(_SUBJECTS)))
_PROGRAM = _program_words()
NOUNS = [w for w in dict.fromkeys(_words.REAL + _MORE_NOUNS.split()) if w not in _PROGRAM and w not in _HELD_WORDS and w + "s" not in _HELD_WORDS]
for _name in F:
    F[_name] = [x for x in F[_name] if not any(re.search(r"\b" + re.escape(s), x) for s in _SUBJECTS) and x.removeprefix("a ").removeprefix("the ") not in _PROGRAM]
PATTERNS = [p for p in PATTERNS if not any(re.search(r"\b" + re.escape(s), p) for s in _SUBJECTS)]
_ALPHA = "abcdefghijklmnopqrstuvwxyz"
VERBS = [v for v in """bake boil fry roast grill peel slice freeze melt wash iron sew knit mend glue paint sand drill nail plant water mow rake dig harvest milk
feed train ride drive park fly sail row swim dive climb hike camp ski skate jump run walk dance sing whisper hum play practise teach learn study memorise hire fire
marry divorce kiss hug invite thank forgive apologise argue vote protest travel pack book rent lease sell borrow lend invest donate tip cook chew swallow sneeze
cough bleed sweat shave comb braid dye tattoo bandage heal cure breathe sleep dream snore relax meditate pray fast celebrate decorate wrap polish sharpen forge weld
solder brew ferment pickle smoke cure distil trap hunt fish skin tan weave spin carve sculpt draw sketch film photograph frame hang bury burn recycle compost""".split()
         if v not in _PROGRAM and v not in _HELD_WORDS]
_VERB_FRAMES = ["how do i {v} a {x}", "how do i {v} {x}", "how do you {v}", "is it rude to {v}", "why do people {v}", "can i {v} with a {x}", "how long does it take to {v} a {x}",
                "what happens if i {v} a {x}", "when should i {v}", "best way to {v} a {x}", "teach me to {v}", "how do i {v} without a {x}", "why does a {x} {v}",
                "how do i {v} my {x}", "is it safe to {v} a {x}", "who can {v} a {x}", "how often should i {v}", "my {x} does not {v}", "how are {x}s made", "how is {x} made",
                "how is {x} produced", "which {x} can {v}", "what do i need to {v}", "do you {v}", "should i {v} or {x}", "where do i {v}", "how many {x}s does a {y} have",
                "who wrote the {x}", "who discovered {x}", "who was the first {x}", "who invented the {x}", "name three {x}s", "what year did the {x} {v}",
                "what is a good {x}", "what are {x}s", "tell me the story of the {x}", "why is {x} so {y}", "where does {x} come from", "lyrics of {x}", "what is the best {x}"]


def _noun(rng):
    r = rng.random()
    if r < 0.62:
        return rng.choice(NOUNS)
    if r < 0.80:
        return rng.choice(F[rng.choice(list(F))]).removeprefix("a ").removeprefix("an ").removeprefix("the ")
    return _words.pseudo_word(rng)


def _pattern(rng):
    p = rng.choice(PATTERNS)

    def sub(m):
        return rng.choice(F[m.group(1)] if m.group(1) in F else F[m.group(1)[:-1]])
    return re.sub(r"\{(\w+)\}", sub, p)


def _gibberish(rng):
    r = rng.random()
    if r < 0.35:
        return "".join(rng.choice(_ALPHA) for _ in range(rng.randint(4, 12)))
    if r < 0.60:
        return " ".join(_words.pseudo_word(rng) for _ in range(rng.randint(1, 5)))
    if r < 0.70:
        return rng.choice(["asdf", "qwerty", "lorem ipsum", "blah blah", "foo bar", "xyz", "bla", "hjkl", "zzz", "la la la", "aaaa"])
    return " ".join(rng.choice(NOUNS) for _ in range(rng.randint(2, 7)))


def make(rng):
    """One question to decline."""
    while True:
        r = rng.random()
        if r < 0.22:
            user, sub = rng.choice(_VERB_FRAMES).replace("{v}", rng.choice(VERBS)).replace("{x}", _noun(rng)).replace("{y}", _noun(rng)), "verb"
        elif r < 0.60:
            user, sub = _pattern(rng), "pattern"
        elif r < 0.92:
            p = rng.choice(GENERIC)
            user, sub = p.replace("{x}", _noun(rng)).replace("{y}", _noun(rng)), "generic"
        else:
            user, sub = _gibberish(rng), "gibberish"
        if user not in _KNOWN and user not in HELDOUT_OFFTOPIC:
            break
    return build(user, sub)


def build(user, sub="heldout"):
    return {"user": user, "think": THINK, "answer": REFUSAL, "steps_answer": REFUSAL, "kind": KIND, "sub": sub,
            "expect": {"refusal": True}, "keep": []}


if __name__ == "__main__":
    import random
    g = random.Random(4)
    print(len(PATTERNS), "patterns,", len(GENERIC), "frames,", len(NOUNS), "nouns,", len(HELDOUT), "held out,", sum(map(len, F.values())), "fillers")
    assert len(set(HELDOUT_OFFTOPIC)) == 200
    for q, s in HELDOUT:
        assert s in q or s.rstrip("s") in q, (q, s)
    for t in PATTERNS + [x for v in F.values() for x in v]:
        assert not any(re.search(r"\b" + re.escape(s), t) for s in _SUBJECTS), t
    for _ in range(12):
        print(" ", make(g)["user"])

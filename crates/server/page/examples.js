// Three small lists to begin with, written for this project. Each stands in the order of a search by words alone: what shares
// many words with the query comes first, whether it answers or not.

export const EXAMPLES = [
  {
    kind: 'A question',
    query: 'why do heat pumps lose efficiency in very cold weather',
    point: 'The first five passages share most of the words and answer nothing. The last one holds the answer.',
    // The list of examples/heat-pumps, which drive.mjs holds this one against.
    documents: [
      {
        id: 'house-heat-loss',
        title: 'Why houses lose heat',
        text: 'Houses lose heat in very cold weather through walls, windows, roofs and drafts. Insulation and tight windows cut the loss and therefore the heating bill. A thermal camera shows the weak places on a frosty evening.',
      },
      {
        id: 'water-pump',
        text: 'Water pumps can crack in very cold weather when the water inside them freezes. Drain the pump and its pipes before winter, or keep them above freezing. A cracked housing usually has to be replaced.',
      },
      {
        id: 'electric-car',
        title: 'Electric cars in winter',
        text: 'Electric cars lose range in very cold weather, partly because the cabin must be heated from the battery. Many models use a heat pump to reduce this loss. Preheating the car while it is plugged in helps as well.',
      },
      {
        id: 'sizing',
        title: 'Choosing the size',
        text: 'A heat pump should be sized from the heat loss of the house on a very cold day. A unit that is too large switches on and off often, wastes power and wears out sooner. The installer works out the loss from walls, windows and air leaks.',
      },
      {
        id: 'gas-furnace',
        title: 'Gas furnaces',
        text: 'A gas furnace keeps nearly the same efficiency in very cold weather, because its flame hardly depends on the temperature outdoors. Condensing models recover extra heat from the water vapor in the exhaust. They turn more than ninety percent of the energy in the fuel into useful heat.',
      },
      {
        id: 'northern-countries',
        text: 'Heat pumps are popular in Norway, Sweden and Finland in spite of long and very cold winters. These countries have more of them per household than the rest of Europe. Well insulated houses and a long tradition of electric heating made the change easy.',
      },
      {
        id: 'defrosting',
        title: 'Frost on the outdoor coil',
        text: 'When the air outdoors is cold and damp, frost forms on the outdoor coil of a heat pump and blocks the air flow. To melt it, the unit runs in reverse for some minutes and takes heat from the house. These defrost cycles lower the efficiency on winter days, most of all near the freezing point.',
      },
      {
        id: 'ground-source',
        title: 'Heat from the ground',
        text: 'Ground source heat pumps draw heat from pipes buried in the soil, where the temperature changes little over the year. In very cold weather they therefore keep a higher efficiency than models that use outdoor air. Drilling or digging makes them expensive to install.',
      },
      {
        id: 'how-it-works',
        title: 'How a heat pump works',
        text: 'A heat pump moves heat from a cold place to a warm one with a refrigerant. Outdoors the liquid evaporates at low pressure and takes up heat. A compressor raises the pressure and temperature of the vapor, and indoors it condenses and gives the heat off. Moving heat takes less electricity than making it.',
      },
      {
        id: 'summer-cooling',
        title: 'Cooling in summer',
        text: 'In summer many heat pumps can run in reverse and cool the house like an air conditioner. Their efficiency drops in very hot weather, since they must push heat out into hot air. Clean filters help them to save power.',
      },
      {
        id: 'thin-vapor',
        text: 'As the air outdoors gets colder, the refrigerant must evaporate at a lower pressure, where its vapor is thin. Each turn of the compressor then moves less refrigerant, so the machine delivers less heat just when the house needs more. When it can no longer keep up, a backup heater, often a plain electric one, has to fill the gap.',
      },
      {
        id: 'temperature-gap',
        title: 'The climb from cold to warm',
        text: 'The efficiency of a heat pump falls as the gap between the outdoor and the indoor temperature grows. In bitter cold the compressor must lift heat across a wider gap, so each unit of heat costs more electricity. A unit that delivers four units of heat per unit of power at seven degrees Celsius may deliver only two at minus fifteen.',
      },
    ],
  },
  {
    kind: 'A search by a developer',
    query: 'how to undo the last git commit but keep the changes',
    point: 'Seven passages about git. One undoes the commit and keeps the work.',
    documents: [
      {
        id: 'log',
        title: 'The last commits',
        text: 'How do you see the last commit? Type git log, and git lists commits with the newest first. With -p it shows the changes of each.',
      },
      {
        id: 'hard',
        title: 'Hard reset',
        text: 'git reset --hard HEAD~1 throws the last commit away together with all of its changes. Git does not ask before it does. Only the reflog can bring them back.',
      },
      {
        id: 'restore',
        title: 'Discard changes in a file',
        text: 'git restore with the name of a file discards changes that were not committed. They are gone for good. Commit or stash them first if you are not sure.',
      },
      {
        id: 'stash',
        title: 'Put changes aside',
        text: 'git stash puts changes in a drawer and leaves a clean folder. git stash pop brings them back. A stash is not a commit and belongs to no branch.',
      },
      {
        id: 'amend',
        title: 'Change the message',
        text: 'git commit --amend replaces the last commit by a new one with another message. Do not amend what others already have. Nothing is undone.',
      },
      {
        id: 'soft',
        title: 'Soft reset',
        text: 'To undo the most recent commit without losing your work, run git reset --soft HEAD~1. The branch moves back by one commit, while your files stay as they are and everything stays staged. Then edit and commit again.',
      },
      {
        id: 'revert',
        title: 'Revert',
        text: 'git revert makes a new commit that takes back what an older one did. History stays whole, so that it is safe on a shared branch. The changes disappear from your files.',
      },
    ],
  },
  {
    kind: 'A shop, and a mistake',
    query: 'quiet keyboard for an open office',
    point: 'A small student can be fooled. Take sentences out of the first one and see which words do it.',
    documents: [
      {
        id: 'K-210',
        title: 'Open Office shortcut keyboard',
        text: 'A keyboard with printed shortcuts for the Open Office programs. Quiet colors on the keys make the shortcuts easy to read. Loud clicking switches tell you that a key was pressed.',
      },
      {
        id: 'S-031',
        title: 'Keyboard stand',
        text: 'Lifts your keyboard by five centimeters. Folds flat for the office bag. Rubber feet, steel frame.',
      },
      {
        id: 'P-118',
        title: 'Digital stage piano',
        text: 'A keyboard with 88 weighted keys and a quiet pedal. Headphones let you practice while others work. The case opens to both sides.',
      },
      {
        id: 'M-502',
        title: 'Silent mouse',
        text: 'A mouse whose buttons make nearly no sound. It suits shared rooms and late hours. One battery lasts a year.',
      },
      {
        id: 'H-090',
        title: 'Office headphones',
        text: 'They take out the noise of an open office so that you can work in quiet. Thirty hours with one charge. The microphone folds away.',
      },
      {
        id: 'K-400',
        title: 'Clicker Pro',
        text: 'A mechanical keyboard for people who want to be heard. Each key clicks at 70 decibels. Not for shared rooms.',
      },
      {
        id: 'K-377',
        title: 'Studio 75 keyboard',
        text: 'A wireless keyboard with silent switches, made for shared offices. Colleagues at the next desk will hardly hear you type. The knob sets the volume of your music.',
      },
      {
        id: 'K-350',
        title: 'Membrane 104',
        text: 'A plain full-size keyboard with soft membrane keys, on which typing makes little noise. It is washable and cheap. The cable is two meters long.',
      },
    ],
  },
];

/** What a museum tells its callers, by the name of the document. They share words, as documents of one house do. */
export const MUSEUM: Readonly<Record<string, string>> = {
  'Opening hours': `# Opening hours
## Weekdays
The museum is open from nine in the morning to six in the evening, Tuesday to Friday. We are closed on Mondays.
## Weekend
On Saturday and Sunday we open at ten and close at five. Last admission is an hour before closing.
## Holidays
On Christmas Day and on New Year's Day the museum stays closed.`,
  Tickets: `# Tickets
## Prices
Adults pay 14 euros, students 9 euros with a valid card. Children under twelve are free.
## Groups
Groups of ten or more people get a discount of 20 percent. Please register a week ahead.
## Refunds
Tickets can be refunded until the day before the visit. Afterwards they can be moved to another date once.`,
  'Getting here': `# Getting here
## By car
The underground garage in Mill Street has 200 parking spaces. Parking costs 3 euros an hour.
## By train
From the central station it is a walk of eight minutes along the river. Tram 4 stops in front of the entrance.`,
  Accessibility: `# Accessibility
All floors can be reached by lift. Wheelchairs can be borrowed at the cloakroom at no charge.
Guide dogs are welcome; other animals have to stay outside.`,
  Café: `# Café Rosa
The café in the courtyard serves breakfast, lunch and cake. There are vegan and gluten-free dishes every day.
Tables for lunch can be reserved by phone.`,
  'Guided tours': `# Guided tours
Public tours in English start every Saturday at two. Private tours have to be booked two weeks ahead and cost 90 euros.
Audio guides are available in seven languages.`,
  Photography: `# Photography
You may take pictures for yourself, without flash and without a tripod. Filming needs written permission.`,
  'Lost property': `# Lost property
What you have left behind is kept at the information desk for four weeks, then handed to the city's office.`,
  Membership: `# Friends of the museum
Members visit all exhibitions for free and get the magazine. The yearly fee is 60 euros; it can be cancelled with
a month's notice at the end of the year.`,
  'Birthday parties': `# Birthday parties
Children from six to ten can celebrate their birthday with a treasure hunt. A party lasts three hours and costs
180 euros for up to ten children; parents bring the cake.`,
};

/** What people say on the phone, and what has to be in the passage that answers it. */
export const QUESTIONS: readonly (readonly [string, string])[] = [
  ['what are your opening hours on sunday please', 'On Saturday and Sunday we open at ten'],
  ['hi um are you open on mondays', 'closed on Mondays'],
  ['how much is a ticket for a student', 'students 9 euros'],
  ['can I get my money back i mean is the ticket refundable', 'can be refunded'],
  ['where can I park my car', 'parking spaces'],
  ['is there a tram that stops near the museum', 'Tram 4 stops'],
  ['my mother uses a wheelchair can she get to all the floors', 'reached by lift'],
  ["do you have anything vegan I don't eat meat", 'vegan and gluten-free'],
  ["I'd like to book a private guided tour for my company", 'Private tours have to be booked'],
  ['am I allowed to take pictures with a flash', 'without flash'],
  ["I think I've lost my umbrella, I left it behind yesterday", 'left behind is kept'],
  ['we want to celebrate the birthday of my daughter with you', 'celebrate their birthday'],
];

/** The start of the SHA-256 of each of the 1,000 most common passwords of published leaks (order of zxcvbn 4, MIT). */
import { hash } from 'node:crypto';

/** The first 48 bits of each digest, in base64. A random secret is among them once in 280 billion. */
const DIGESTS = [
  'AAwoVFf8ADNyjw+8AD3haPMRAEUdmgC/AHYpNAhMAHrEIAtJAIIxqvmZAJ26flQEAYzD6LTDAglELhFaAj9TUblNAs4JgO7JAtMvKKiBAuZ0Tros',
  'AwlxT0zFAyPuuLLnA6jw3Y7bA6xnQhbzA73RTvh8BH0NIdzvBNWIy0G4BOd7+PlcBOjgJ6OUBOlBjutQBQimNERdBS2Z6o8xBU2h6LwcBXugPWxE',
  'BX98sb4EBZoAGSWSBayHRP/DBgBrrCfoBmFlKCCJBqHYv3/CBqRzUOqhBvodNGAFBvyknoc+BylWMlO8BymaP4hDB2crISNpB6CjvReDB7gjTS4C',
  'CCkQMgX7CHdRg7DsCLtCowylCN3/Tr45CQU9vDmhCSzaOQtHCW6Lu48eCcWH+ygsChSheXklCilGsTWcCkNG+AayCk7yU+P+CwS61X07CxTVAaWU',
  'C7CdgGAOC7nlSBihDES+n3lIDQbXlU4LDSK8l6PlDYFoRojUDgapP3iIDh1ZMhp+DoISdjvKDyjElg2WD0fdh83oD0iGg0JhD/n5SPgMECYm6s4t',
  'EFepYE4EEGnzXVSfERSNj2rUETTk9KE7EYARvvbGEY7mVJ6iEcj3XMA1Eg9uW06jEj/WZqo5EndTSM74EtRxON4MEukLjnTyEwIpzTYlEwVIWnEm',
  'E0nV4YQmE2b6xxFGE2xnZXYUE6Rl/GYWE6XCAuMgE7H37FvqFBEkKyE5FBJWxcFAFCcr02HJFIvT/buDFQZddx98FTLnbb6dFX/FUSGrFcbWERk5',
  'FeKw08M4FgK0BIs1Fkd2iMDgFqLdOoclGBODcvrUGCByU3raGFX4/g6UGHHuRyTbGTEwcgLKGTjKyheZGV8ztQ+mGYvsr5xFGi0+PiJrGmwCyUC2',
  'GnlmjqxAGo2d6UkDGr6PWspgG0yRM9pzG/C4EIExHAnl15A1HCLyasTUHCQzPKHGHDmgEVDyHEQ8q7nbHEZzOclgHIv+j4AdHKfjf3NUHPGKJDwl',
  'HSVrXSC9HYtM+FTNHZdd2r62HbAEa4sZHbSgBBh2HfGFQBXjHgji66xpHpzDdnjAHs1BwD73HtJGez9WHve7G6lZHwBuNBSoHylqMM05H29pnHWJ',
  'IDtwta6IIDuK3kquIHD3Jf8cIPZFxwOUIPdZoWJSISbuMqQnIUSlb3coIUmbgpO1IWZcogHUIhs3/NtSIoWHf77EIrotbyhII0BIbuY9I01tMey5',
  'I4oxTLNzI7XtKaHoJBP7NwmwJIs7i/pNJItXxcq7JqBTcGE8Jq5h3mlEJsHQYsx6Jw12x4sIJzRYp+2IJ1G2b9XeJ1vKwiqyJ4C47vmYJ4o+fVzP',
  'J8xplPwcKA1Eqx6fKIejLgJlKKUW8KZzKPARbvQrKPYVUVBRKWHFoP6yKgl4OxxHKnMt+OhfK0pZ/sPnK7gNU3sdK8Blk4HFLNZa/1bCLPJNul+w',
  'LUeVtaSwLZmMtHGgLa8ObHkALfhKZ5riLmLI1gLOLmiHyHRbLoRK1lHGLqDSXlGSLr2jl1ZyLwAwxTUZLzS3pFHGL0Xi0XJKMIc4uBldMKmJr8gs',
  'MMHVJNciMMVGH8J7MNDgNeSsMONj0+jFMSQzwoNJMVBqhEinMVGo8ifAMWUZV7V9McdNRjmrMcyWUPPdMwoxKcP9MypVKQnQM1isvpORM2ZlsFHb',
  'M3uNLB4TM5O0Hu7qM8YUyjz3M/eqNNtBNAJZuSZfNA1gA5KBNFUHFQYqNGeTR2r3NHasCgrTNI136UOpNKBABbyvNKUz39cnNQx1S6TTNTkPVFPo',
  'NWAiCOhqNa8l9aX9NyHhoq1VNykNdKxNN3l5EPR3N39VZqx0N5Iktxo8N7o4gRCLN7/ctMUHOB6tOjFFODBYCo7uOMC3PKuoOWzpNuc8OXKQXMWD',
  'Ofvoevs0OgIlBjvqOhINwVibOnvT4jYKOw/g00LpO3TdA4YEO4DTj3aGO7aN5g9WO9zcRpvxO+elBUg8O/r3aCCUPEDGqmujPGYVeET6PMhJJ5ui',
  'PRTC1OTOPVU0me8tPgTadtdHPmB4yBE6Pt+XNd4APvgcsYvaPwwtXeUAP5QVg3DwP+H3WEgzQF5uAnMhQIx8WIegQLG7tURfQPxnGKgfQUAZfseV',
  'QbTV6FZVQiGg/D37QoVC5g2wQs3TOCC8Qu+EHcJ/Q/95LXn3RANpx4w1RAT1t6iDRLPFAD2TRMWZCfF8RNPz6cHhROjdNsVMRP75rpgSRirsLKiI',
  'Rm0anMUPRnQwkJH6Rox7ZEndRthhRndERy3mMmVGR5RGN7MvR8XCjK4lR+G6ZpowSB9swFERSDfddR1pSFtmjGMHSP4gsUODSUYLe7vTSe/3R/e2',
  'SgekMQA0SjiYmsGESsE0lkhySuGRWDSESwWreJPoTR0T/f2XTU8mNpFxTclBhVWiTcqw2CzLTmKenbzBToL/wueMTqXuaP6gTv2sk6pcTyeM3d9S',
  'TzIESmVfT58QswTPUBkDDZ6zUCJHKygxUDDFvQAtUJTcrWGsUNs4BbT5UUat4vPPUXEzd/PrUZupGlpbUbkS80rhUe7tclHzUjwm7uWOUl7KHVCJ',
  'Unqp9DFTUpLydQEyUqKYFbTfUxH94BgcUy8BHsifUzDo8gqsU419n+eOU92v7jGJVNXLLTMtVOcTQMhlVQmEDQhzVW8H0JhQVgBxX0K/VgCumbFO',
  'Vm9TLUhsV8e7G7dVV/rIVy7qWCrWXtDeWI0sHR8jWJcmWUAcWPh+Jl2XWUSuhJRIWZRHGrsBWgIKqC8XWl7fM2pjWnsukZ2eWp2dzvtWWqeuQrsw',
  'W3WnMkXvW+CIi74gXIBWXbbyXI9SyiiWXS0863q+XXJDYlatXgF2ydIHXgXLUVteXhCq87xoXohImNooXpD31T+dXsdy86K1XtH/al1PXwNlyXjY',
  'XxbD4vSaXy/SsefvX8a2pRgDX9kkYl9qYGGRP4gdYIX+4pl6YImFTJTKYJYOZcd6YWGwooQVYWGyg4/6YZoszxJsYZv3SoSlYggPlqK/YipJTT6o',
  'Yl/nTK1GYnCAV/qMYx/6ULWaY1RQUDApY4Lerx9dZGBmLiF8ZItKH9swZXzU1oxqZehL4zUyZg9WVuPoZly3YuO8Z3Mf9YE3Z3cchwEcZ6T0Xw0d',
  'Z6fVd3/tZ+D2xQ1YaDJZ/qu/aG7RdvxZaG90apW2aK3t55JWadQhH4mZasPDNuQJbClv3lW4bGAVjPO1bKE9UspwbKh5sOJtbMHv3wndbM/6SXfU',
  'bQik5jDkbRFzxCTHbRxYWVUIbSBYBuGdbV7x/baMbbZ92/DJbbyB8Pp2bgDNVizCbsyuaHfPb+bDVyjGcBAzriZBcF2wYD/VcI5LKjJOcMvlErAC',
  'cTDfQzVecUt0uf15cV3ISTw2cdokjGBJckbSsrnOcquZT6LrcvS+idbrcwVR9brUc0modt32c3QFSNIjc55y8tsWc80bFsT7c9GxsbwddN1zC1w2',
  'dPHD4qNmdPygMltfdiBwxhtEdmpa0KNJdobSCnTpdrHuWC29d2SId1UAd8ZpFkw3eB4bqIRzeCa5WLeceKft+zrbeM3mTD5HeP4/BXaPeT2heuwm',
  'eW5DpajNeYVS05JKed6yuSwHeeqTWBgYei7ED/ihejGAujPJejRbpeGJeoUOhf65eqT1w5Y0eqsGzZC2fCUjyYWIfIFZ3S5JfNWM3WSjfbXBygTj',
  'fc9Af6hKff73rtIQfoXGdv2XfqfYiCI3fyd0si8sf1qboUy4f1vP+g3ogFN9ZdR5gJdOUEE/gJk/BUvygLFQnqN2gNQcVKjOgNcRQPdRgR64G50R',
  'gStwDcz8gU4q4DmDgY7+RqbCgZg3od+JgaxKkwWhgcFtM3obgcnWEotfgf3/KD7CgmULGCGOgm01H0/Jgo/rt2Cag2BjKitBg3FqNVFfhAgV85wV',
  'hBdln0a1hFix1lHZhG9qdv/BhIvpRAE8hR5DvUSihUm5TNaphXOPj5p/hYgxCphnhf18iJ9xhht0daIFhsErpnN9htYl7P1ohzrJ/+pNh6cMoAy5',
  'h7voeceliB7oFWt2iHmt3rGMiLHMpZBgiLUUGlCNiV0bqcoGiatTCsREijiamrRHimKOLSB9i1kcwxPAi7DPbrmxi9EGmCKdi+KXjjQ3jBzbnLTb',
  'jColJgIJjDvJezbRjE/YssJPjFwEORNhjGSaj4XzjGjPZbbEjGl25bVBjHQpnhzOjLvPKdnOjMExpW6ljRYw1K1RjRZJhFOwjSrItY6tjTqhpvIn',
  'jT4L9oXQjX1Tl/iEjZae727KjaFOfqKOjdntEHmNjgobCtpCjmdApVJrjsPpmt4wjtP2rWhbjw4vduIrjyf0Mvy6jzawhUbFj0o8/Zvgj87QC2zi',
  'j92IDwl8j+Ju+9bDkKbVPfR+kQN6GOw/kSRuYO19kX67M5aykbTRQoI/kekkD0FSkhF84R6YksfXG5Xck0oR5gJolAnWiCb9lJnmrv+ylKLQCZYj',
  'lMQUNvA4lO3yjG1tlUx6H4QJldna7jsJlo4tWwholsrjXOipl1mSNXSPmSNF8htXmTuXYDd4mXBiZmZWmhOp0cqSmpAEA6wxm7pcU6BUm9Lvep3b',
  'm9ZCzfTNm/UBxXIWm/oLUKkOnBXoFgaZnBiA+SKfnG1AW7otnOjbkiqPnXd5NWJ6nacBdjdNnkYz2HRrnmnn4pNRnoYZQa2LntFC1gxFntbDNsWG',
  'nwyYndPkn1WBinIUn4bQgYhMn78mG2LBn9c6skRPn+OxjERin/hHZkSQoB7a2RwAoFYf1knNoHXRfz1FoIEaR7HioXREVQ4sob0TEtIwodvlQ+Ne',
  'oeSNrsVBokcMnRN8olknas8copLxuWrOopRF/Zw8oqUvPrqSotP81o9fowyJtEbgoyBID1NHoy2dfGGHo0QQaeQio1d7gDoho4Ti+GjbpEGxX+mj',
  'pEgpSmKDpMcdBDvHpTW08AtQpXoHyyWApY4DIgvwpZWXw8sMpbgQoxkKplf6hVdApomZrdMlpscM9Nb7pwLYZWqtpwpZs5gap2t/Jba6p4rktNLo',
  'p6ObcvKXqEVxOUteqGGJNxM8qS9r23V4qUGkxP0MqV3E6JmsqcQ76UjFqdHngGh6qoZvOKY5qpcwIVD8quCgn/XJquW+X2R0qwsXmUYCqw9N6ORj',
  'q3PVkOV+q4AXfC+oq5GoLRTPq8UppLZzrBOotTTfrHvfspVSrR0KM9FHrUlBOGwJrVBbC+ikrlqFOHMEroDz++JNrs3vmYcnrs8N4ZcgruQIhH01',
  'ruutSnlvr//nYl9KsAKmNGR8sBIKtFlVsBd0NmsrsH4UVS0IsH8/x1mZsPYKBGnisYa6H1M2shM8w77vskmXoZ9+ssA/fmqYs0zUqXz8s3HbxLAm',
  's9TNZBy7tB5lYKRGtHBX+BCatHSpmicFtJPUg2SvtN74IXyttOa/AVagtO9J+1DAtWEN4fb/ta0SEwe5tghuYTeothlvd4S8tiWpCvvZtkhm2dSB',
  'tpDNvlnxtqxE4/QVtq00sLa3tru8bwSitxWLZKmFtySc0HPXtzhG3VNZtzlVMOTtt2mmmDtCt3xOirL7t56he3xct9+iZq22t/xuquG8uC5yO0YT',
  'uDSGZUOyuFEJMtrTuJ2rgIxYuUJxTw7LuVy8/gzSuYi1g3wkuaNlxNJnub/TIJlGud2WDBdTueQOSJOdufGVxcx+uikpe2xPui0IMOZeukfFUpUj',
  'unI0NaZuuv9PtiyLuzoSpSexu2HvQIFMu6nmwJ7Au976KVD0vAIKNbf5vCNqir0mvDMtAB4svHHeI0FCvJi7UOgJvLFfghR5vMBw+lEuvNFkK8oW',
  'vZOMaI9JvbHMJY1pvdZdzZ8jvjkreSgJvqr6UQvMvuO1XTrNvxXWzh1ev7MBsmylv75WiF0zwGsM/gzFwKSUIUPowKY8BgeDwMSmmxenwOIaj/hR',
  'wPF3nBbSwS6oEHoSwc8CRXbpwgNj5oaIwirstkHjwsO2i0iDwtIUpITpwut4mLtnwwsSZ3kfw0n4z7uIw0zjEZidw5vHN/rzw6uP8Tcgw+jpmb9S',
  'xG2H8ftKxOSGaVO7xUIsBSv7xUmt3IA2xYfe+b2vxY3Qo3YAxbOJvrCBxcLlTenSxoWiybqyxolDvl7uxps25isixsIwesAlxsSGMSKHxstQ5+6g',
  'xuftJwmoxzw6B7ZEx3Xnt1ftx5BMlVEHx8ExknbpyA9jAUxRyBK4Rr2LyLLIo+2byMOLnIc0yMeByWymyMl83SUlyTRMXxB5yUu18mjYyVZMW7dS',
  'ybgrkK5Xy3elZq/Dy8F+1O0ay8RxymAJy+r/MU71zAuKlaiDzFVpyl8xzF57QHeszHZ/scbvzQjExDFtzaPDc/GfzbWTVfO6zhSE9QRBzmX6QbFs',
  'zqbghgVJzshHjS/uzwYi7ypmzwuFT1oXz0B/4+qxz3JK/FBRz4DNiu1Iz5wcuJWEz64mKIvYz9r7BFLVz+cw5G7M0IH15AKY0UpzEL310W8G/iVd',
  '0aS+GbPP0iKhjWR00i8RWr1r0kJZvhNA0o6197Sr0pmSf96i0rgMsWn60stJIWdZ0vEp3TBt0zTLl/L20zTLrEuz01okfgdJ026cR6Ia032WtCrU',
  '05gUgztl05vaK7gm0+nAPSvR0+zFt/441CatK+Vb1EMmiIX21N8uwlPc1QztQ1NZ1Y2kHg9V1eNIGYQc1gK/j0cL1hj7FXpL1vmm+UNc10/w7o2j',
  '11qDjcdY15mHBRol17iYj4/S1+BMumqL1+g+KKBL2BvFmn9I2GW2W9s72QNXOM782TwJCizt2b4ngOdo2d3LGkO52kVLArRw2l/iCYjI2oV1rjYM',
  '2qrW5WBO214Y+umo25+929fK28SgQycX3G9+ejlA3IRd5pZ+3J8osS3R3KbslRD83RMKhJ173VbeQTeV3VoTeIyA3czD7pmV3g3oKsaj3nzvYa6+',
  '3oVmVvV23r7i6nnA3sWKt9f53s9RO57p3tj7ejIu30rEFiVz39De4z8I3/xQSqVT4GfovrOi4I1waz5M4KMuXPcJ4LxgyCcT4RGh732q4SkkxSu0',
  '4VERwf114YGz38v04bYVryas4ihNw7VT4i5fIYFB4k3SIQgD4s3iK4YN4tJ5y6Ra4+k7YL1y5C3ddIwj5EJCK/l45Ic4OdSW5JA0z0vJ5K2Tyges',
  '5P5bPxjz5QHDW9/25RKgVYNE5SY65+mM5U/GtRkV5kf/5hM25m6adp0V5pfFETzl5uYu5VgZ5ztI91C+5138ReaW59NoVxWT6AMmBERx6DZkJVxp',
  '6DwcQ4j/6Fcogk8g6HYOiqcg6PVoYtdO6WBadACW6aY6TrFX6cQ8Xc8U6c7nGrky6g31vv8S6jhhdaXn6mbwa9jT6qK97TLM6rGKfr5K66SuM/VK',
  '7F9wFCqu7NcYcNGW7OC2aSTh7RLrIAAP7UXWJrBx7UmIewA87Yd5oiIt7i7ir5DA7liBSav77nmXbJOA7vE5TuO47yJmqlcw71EwYhTZ73l8gRjw',
  '75K3eLr+75TUkrtI76rq75lE8I9Eil568LE5JCtJ8OTC92xY8VwWuZ+C8WX8stKh8ZlqfNpI8eWmuRhh8tgaJg3q84pQdueT9AX5XC9B9B8seF4V',
  '9CQED1r99MFKEEBb9QxR7SMV9ZA/UeNB9gVu94kK9hog2p6q9idNmJIC9k9ipZVF9o4+zac59pUtbu9V9qncsYdk9vyEyfIc9wf92nyH9yN5Kc3i',
  '90jQx9WO+Dz/gGav+FtDBnoo+Gomp89++GqoaMO0+L/3FWt5+RamtU/M+THDCPxb+VaKWpP9+V/J0lUx+Wn9voEd+gd3vwJO+iEV+NV2+jQBFEmM',
  '+lv4eay5+sRF9ZSl+xK7blgC+yboWYyj+zipP9ie+82Pm/tF+/s4bv6m/GE7Tf1n/Igao01E/I25a6sq/MOiP8cj/PNkKOgp/P0HXL42/SRacY0N',
  '/WKGK23C/abPL5IP/e/1Kr8W/xtKJ1Yt/0jlEeFj/7KRAyg7',
].join('');
const HEX_DIGITS = 12;

let known: ReadonlySet<string> | undefined;

function commonDigests(): ReadonlySet<string> {
  const hex = Buffer.from(DIGESTS, 'base64').toString('hex');
  return new Set(hex.match(new RegExp(`.{${HEX_DIGITS}}`, 'g')));
}

/** Whether a SHA-256 in hex is that of a common password. */
export function isCommonDigest(digest: string): boolean {
  known ??= commonDigests();
  return known.has(digest.slice(0, HEX_DIGITS).toLowerCase());
}

/** Whether a text is a common password, in any case. */
export function isCommonPassword(text: string): boolean {
  return [text, text.toLowerCase()].some((each) => isCommonDigest(hash('sha256', each)));
}

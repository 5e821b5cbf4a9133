// The files that we know, folder by folder: size, SHA-256, and the path in a public GitHub repository where one has it as it is.

export interface KnownFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Path in the data set's repository; absent where a file was made here (joined labels, encoded text) or is not public. */
  readonly path?: string;
}

export interface KnownSource {
  /** owner/name of a public GitHub repository. */
  readonly repository: string;
  readonly commit: string;
}

export const sources: Readonly<Record<string, KnownSource>> = {
  mosi: { repository: "declare-lab/multimodal-deep-learning", commit: "HEAD" },
  mmmo: { repository: "pliang279/MFN", commit: "ff9c4fa697ea3fca9ac5cfbcf1fce519758c0e5c" },
  youtube: { repository: "pliang279/MFN", commit: "a11cdbf888b3435b95de9a265be6d4784fa08346" },
  moud: { repository: "SenticNet/multimodal-sentiment-detection", commit: "55f03a6625ecba2f727195b285ee994cc5f7718d" },
};

const file = (name: string, bytes: number, sha256: string, path?: string): KnownFile => ({ name, bytes, sha256, path });

export const knownFiles: Readonly<Record<string, readonly KnownFile[]>> = {
  mosi: [
    file("CMU_MOSI_Labels.csd", 674712, "aef5f4617cdb067cc7606bb798eb6452c3de45f0f21cb3427be33c4d8c7fe852"),
    file(
      "CMU_MOSI_ModifiedTimestampedWords.csd",
      1628987,
      "181272eb7ea3654941b7834604d0a61314368f4085668afae9f04c42a4610dee",
    ),
    file(
      "audio_test0.csv",
      699228,
      "ddd17eeefd3d951d51d4e2ef8a0d132652d8161e1886f71eb7262b7a14bffff6",
      "bc-LSTM/data/audio/audio_test0.csv",
    ),
    file(
      "audio_train0.csv",
      1343911,
      "5435398a54664e7b00304587dc59ae84a438852be033c2a2fba779588624a2a1",
      "bc-LSTM/data/audio/audio_train0.csv",
    ),
    file("labels.csv", 312022, "e7be72e87cd035c1b5cbe159eb8fbbef3eabaa5e3d4c19cc940d48e1f27ec435"),
    file("text_minilm.npy", 1688960, "04feb688cf6ce7c7a441c4a377b353cd6456fa960e11c4be6648b4a8d845f08c"),
    file("text_spacy300.npy", 1319528, "1542f5741390bbc3af6b60d6eb1efcfb8635557b76145677a4c736e63a524cb7"),
    file(
      "text_test.csv",
      889325,
      "f3b735070bf07ceff7a6ef6c8f4c32757e988de484e35bd6d38b2aecef851a59",
      "bc-LSTM/data/text_test.csv",
    ),
    file(
      "text_test0.csv",
      1551145,
      "a343e22272919d1384c2075dbcdd5fef5aa9f9366b0552a83f7c3147b64b047a",
      "bc-LSTM/data/text/text_test0.csv",
    ),
    file(
      "text_train.csv",
      1689050,
      "73770b6302ad0f7a51f4eddcae6788efde4d0b6802e09f78249d5b538d1c1d67",
      "bc-LSTM/data/text_train.csv",
    ),
    file(
      "text_train0.csv",
      2993906,
      "cc327045db6cc361a08b4037b97bb24de4ddb5efb381468c4835cc4a60674668",
      "bc-LSTM/data/text/text_train0.csv",
    ),
    file(
      "transcripts.csv",
      201361,
      "e7689e6d70720addd2a6b316419d245a68839c32b014ff426c406063ee777466",
      "bc-LSTM/data/transcripts.csv",
    ),
    file(
      "video_test0.csv",
      557378,
      "cab836253d81100f59d533fa2ff65cd53c486be3ec9fd82203c5e25a7a77265f",
      "bc-LSTM/data/video/video_test0.csv",
    ),
    file(
      "video_train0.csv",
      1055454,
      "b6efc0413132d627efd06f67f1706830e775e90af9a75696f535c48dbc73f12f",
      "bc-LSTM/data/video/video_train0.csv",
    ),
    file("words_spacy300.npy", 26388128, "65fdaf3139b47398ee999cda1983d77cce8606953ed92e802072d04d9b865bd9"),
  ],
  mosei: [
    file("labels.csv", 4271800, "7d0701dfbb70d97466ea69869641d1f48c48af79ba0860b766d389efb10e65c0"),
    file("text_minilm.npy", 17501312, "9bd197b1046e3d9d6f67e090315e734eebc74684e234f87672a7ebb32b4cf810"),
    file("text_spacy300.npy", 13672928, "6979cc688ec82c4b8f9e56fdd12ae65f022faa9c8e4215d985b6490b25551a38"),
  ],
  mmmo: [
    file(
      "audio_test.h5",
      949248,
      "1d701dc193b3e4404e35b97165fd33af19aff50d193a744488ec4c87ea0d6c44",
      "new_data/mmmo/audio_test.h5",
    ),
    file(
      "audio_train.h5",
      2606848,
      "4c37e59d75bf1fe17baf6d607e4e7eef228b9b16a145f64c9624d2fc8fcb1666",
      "new_data/mmmo/audio_train.h5",
    ),
    file(
      "audio_valid.h5",
      475648,
      "37b39911ee143d712e36d1fcba5b41400d2b40bef9de3da419de7344486eb8e9",
      "new_data/mmmo/audio_valid.h5",
    ),
    file(
      "text_test_emb.h5",
      3842048,
      "8f3bcab7716c482c209c393098fabe6362fa66b58eb9de5ebd4529c2cb53476b",
      "new_data/mmmo/text_test_emb.h5",
    ),
    file(
      "text_valid_emb.h5",
      1922048,
      "ff332edc367c23495f0a0194fc5a2b83d217565a6a9ab402f98cbbb60bdc3b95",
      "new_data/mmmo/text_valid_emb.h5",
    ),
    file(
      "video_test.h5",
      462848,
      "d0bfeb4a0ca249ac766b9c426146e4765b783463112e78665231a82c7b02f176",
      "new_data/mmmo/video_test.h5",
    ),
    file(
      "video_train.h5",
      1269248,
      "2b7d7d442c1ef7aae0c06d19a845baeb5f8685ee844900f30d6cce643da42452",
      "new_data/mmmo/video_train.h5",
    ),
    file(
      "video_valid.h5",
      232448,
      "43a44a63e369bca2fc86c54fa42d9b3b30c03657b8f7287bdae60341f4767d8c",
      "new_data/mmmo/video_valid.h5",
    ),
    file(
      "y_test.h5",
      2688,
      "17a83a344f15fc751bf10a052ade48d0944959052b30f33bc2c5216a31ea59ee",
      "new_data/mmmo/y_test.h5",
    ),
    file(
      "y_train.h5",
      3808,
      "872872ba80f2076a2f5287ace2e3cb72dff7abaa01e1906073c1d50a15a84d6e",
      "new_data/mmmo/y_train.h5",
    ),
    file(
      "y_valid.h5",
      2368,
      "e164e98d53b01e558af6eb232fdc0ca8660f8bd3e76469ca12bef124688a4c8f",
      "new_data/mmmo/y_valid.h5",
    ),
  ],
  youtube: [
    file(
      "audio_test.h5",
      712448,
      "bd489a967e7004d0f803f93311d0ed6fd1c72b5fa33cc6fc33bd275534080931",
      "new_data/youtube/audio_test.h5",
    ),
    file(
      "audio_train.h5",
      2050368,
      "7517bcd9c1469cdf9151028c640ef3534212d4282bbf1634986ecff28e5306d8",
      "new_data/youtube/audio_train.h5",
    ),
    file(
      "audio_valid.h5",
      428288,
      "968a02845c1a12031b00cce6968579dee3f22dc153a0a5ab5b407147c1f65861",
      "new_data/youtube/audio_valid.h5",
    ),
    file(
      "text_test_emb.h5",
      2882048,
      "2092e3c144c3ebb8d5fa5151c69238f5baea2f7bee6469946c6d8d089090d12c",
      "new_data/youtube/text_test_emb.h5",
    ),
    file(
      "text_valid_emb.h5",
      1730048,
      "c7b23458dd75ca81be747f78ea5eb6f011d3c9e1ba038e40e4b4b8ccc25272d0",
      "new_data/youtube/text_valid_emb.h5",
    ),
    file(
      "video_test.h5",
      347648,
      "c6c868b0a0926506922bf2d51caaa88a85b60f79c8b8efd83084c5a1b5513fa0",
      "new_data/youtube/video_test.h5",
    ),
    file(
      "video_train.h5",
      998528,
      "f59f74f7c23fd2a3cf157d4911e9e35cd8f0869a1e3afff4fff8751cceede639",
      "new_data/youtube/video_train.h5",
    ),
    file(
      "video_valid.h5",
      209408,
      "e2ca4216532e2a60f0ff8fe46ff7db080e5bee03cf9bbd5e171733c8a820599c",
      "new_data/youtube/video_valid.h5",
    ),
    file(
      "y_test.h5",
      2768,
      "68707a166762430f3f00c7d4ac179e87e465ac1eaeff2622505587a33c09e5f5",
      "new_data/youtube/y_test.h5",
    ),
    file(
      "y_train.h5",
      4124,
      "693d6a56517b0568878f618e63c86cce121d982a33c610c5cee494301bb6d453",
      "new_data/youtube/y_train.h5",
    ),
    file(
      "y_valid.h5",
      2480,
      "5bc5f12900f3ebc0279f5920ea346a72cabee4fa59ee08f233f514725ab1cec7",
      "new_data/youtube/y_valid.h5",
    ),
  ],
  moud: [
    file(
      "cats.txt",
      12749,
      "52cc5cdb2b63595dbba3066e08462a369749fedfab400f007cb4752652bd9034",
      "transcriptions/cats.txt",
    ),
    file(
      "transcripts/100_makeup.csv",
      828,
      "c0d4f9f6812a877b963410babaf99612d90da9414c8cc4cd31b7a5140e7e3e73",
      "transcriptions/100_makeup.csv",
    ),
    file(
      "transcripts/101_movies.csv",
      928,
      "23f7ccd3fff0984ea1a5375edd33e90f18b98ca07a33146f59ce5be962afcbc5",
      "transcriptions/101_movies.csv",
    ),
    file(
      "transcripts/102_books.csv",
      853,
      "600149a8593d27aaa03157e35ac6f0c54385e0ac8543efc6da9202d75305b012",
      "transcriptions/102_books.csv",
    ),
    file(
      "transcripts/103_books.csv",
      819,
      "991e6321216338cf1acb6c7dcd4570573a479331c8242549e5371034c3bdd5e6",
      "transcriptions/103_books.csv",
    ),
    file(
      "transcripts/104_makeup.csv",
      689,
      "31f9fdac88ee7ba5ba9d7c0cfad3680fe8d725b4b3abbca8d2687cb66ceb0051",
      "transcriptions/104_makeup.csv",
    ),
  ],
};

/** What a file that is not fetched as it is comes from. */
export const notFetched: Readonly<Record<string, string>> = {
  "labels.csv":
    "joined from the CMU label sequences, folds and transcripts (data set's own site, registration needed for some)",
  "text_minilm.npy": "made by `npm run data -- encode` from labels.csv",
  "text_spacy300.npy": "made by `npm run data -- encode` from labels.csv",
  "words_spacy300.npy": "made from the timed words of CMU_MOSI_ModifiedTimestampedWords.csd",
  "CMU_MOSI_Labels.csd": "CMU-MultimodalSDK computational sequence",
  "CMU_MOSI_ModifiedTimestampedWords.csd": "CMU-MultimodalSDK computational sequence",
};

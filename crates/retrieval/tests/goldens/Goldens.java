// Writes porter.tsv, analyzer.tsv and bm25.tsv with Lucene itself; README.md says how to run it.

import java.io.PrintWriter;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.core.WhitespaceTokenizer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.NoMergePolicy;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.similarities.BM25Similarity;
import org.apache.lucene.store.ByteBuffersDirectory;

public class Goldens {
  static final String[] STEMS = {
    "relat", "oper", "hop", "hopp", "fil", "fall", "control", "agre", "bled", "sky", "happ", "radic", "differ",
    "triplic", "form", "electr", "good", "revi", "allow", "infer", "air", "gyrosc", "adjust", "defens", "irrit",
    "replac", "depend", "adopt", "hom", "commun", "activ", "angul", "effect", "bowdler", "prob", "rat", "ceas", "rol",
    "theo", "archaeo", "geo", "conform", "vietnam", "predic", "rough", "y", "by", "syz", "eu", "tr", "str", "ow", "fix",
    "snow", "ba", "bee", "kis", "miss", "buzz", "dogm", "sensit", "plast", "motor", "tann"
  };
  static final String[] SUFFIXES = {
    "", "s", "es", "ies", "sses", "ss", "ed", "eed", "ing", "ated", "bling", "izing", "y", "ational", "tional", "enci",
    "ancy", "izer", "ably", "ibly", "ally", "ently", "ely", "ously", "ization", "ation", "ator", "alism", "iveness",
    "fulness", "ousness", "ality", "ivity", "bility", "logy", "icate", "ative", "alize", "icity", "ical", "ful", "ness",
    "al", "ance", "er", "ic", "ement", "ment", "ion", "ll", "e", "le"
  };

  static List<String> terms(TokenStream stream) throws Exception {
    List<String> terms = new ArrayList<>();
    CharTermAttribute term = stream.addAttribute(CharTermAttribute.class);
    stream.reset();
    while (stream.incrementToken()) terms.add(term.toString());
    stream.end();
    stream.close();
    return terms;
  }

  static String stem(String word) throws Exception {
    WhitespaceTokenizer words = new WhitespaceTokenizer();
    words.setReader(new StringReader(word));
    return terms(new PorterStemFilter(words)).get(0);
  }

  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    try (PrintWriter out = new PrintWriter(folder.resolve("porter.tsv").toFile(), StandardCharsets.UTF_8)) {
      for (String stem : STEMS) {
        for (String suffix : SUFFIXES) out.print(stem + suffix + "\t" + stem(stem + suffix) + "\n");
      }
    }
    Analyzer english = new EnglishAnalyzer();
    try (PrintWriter out = new PrintWriter(folder.resolve("analyzer.tsv").toFile(), StandardCharsets.UTF_8)) {
      for (String text : Files.readAllLines(folder.resolve("texts.txt"))) {
        out.print(text + "\t" + String.join(" ", terms(english.tokenStream("contents", text))) + "\n");
      }
    }
    ByteBuffersDirectory directory = new ByteBuffersDirectory();
    IndexWriterConfig config = new IndexWriterConfig(english).setMergePolicy(NoMergePolicy.INSTANCE);
    try (IndexWriter writer = new IndexWriter(directory, config)) {
      for (String text : Files.readAllLines(folder.resolve("documents.txt"))) {
        Document document = new Document();
        document.add(new TextField("contents", text, Field.Store.NO));
        writer.addDocument(document);
      }
    }
    try (PrintWriter out = new PrintWriter(folder.resolve("bm25.tsv").toFile(), StandardCharsets.UTF_8)) {
      IndexSearcher searcher = new IndexSearcher(DirectoryReader.open(directory));
      for (float[] k1b : new float[][] {{0.9f, 0.4f}, {1.2f, 0.75f}, {0.0f, 0.5f}, {2.0f, 1.0f}}) {
        searcher.setSimilarity(new BM25Similarity(k1b[0], k1b[1]));
        for (String text : Files.readAllLines(folder.resolve("queries.txt"))) {
          Map<String, Integer> counts = new LinkedHashMap<>();
          for (String term : terms(english.tokenStream("contents", text))) counts.merge(term, 1, Integer::sum);
          BooleanQuery.Builder query = new BooleanQuery.Builder();
          counts.forEach((term, count) -> query.add(
              new BoostQuery(new TermQuery(new Term("contents", term)), count), BooleanClause.Occur.SHOULD));
          out.print(k1b[0] + "\t" + k1b[1] + "\t" + text);
          for (ScoreDoc hit : searcher.search(query.build(), 100).scoreDocs) out.print("\t" + hit.doc + ":" + hit.score);
          out.print("\n");
        }
      }
    }
  }
}
